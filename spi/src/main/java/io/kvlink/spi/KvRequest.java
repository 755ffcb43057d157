// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/** One prompt of one request, as a connector needs to know it. Equal to another of the same id. */
public final class KvRequest {

    private final String id;
    private final int[] promptTokens;
    private final Optional<TransferRoute> route;
    private final boolean attachment;
    private final String salt;

    private KvRequest(Builder from) {
        id = from.id;
        promptTokens = from.promptTokens;
        route = from.route;
        attachment = from.attachment;
        salt = from.salt;
        if (id.isEmpty() || promptTokens.length == 0) {
            throw new IllegalArgumentException("id=" + id + " promptTokens=" + promptTokens.length);
        }
    }

    /**
     * Builder of a value, with what every one has.
     *
     * @param id see the accessor
     * @param promptTokens see the accessor
     */
    public static Builder builder(String id, int[] promptTokens) {
        return new Builder(id, promptTokens);
    }

    /**
     * Name that the engine gave it, unique in the engine's life; for logs and for {@link
     * WorkerReport}.
     */
    public String id() {
        return id;
    }

    /**
     * Token ids of the prompt, one or more. Shared, not copied: never changed by anyone after
     * construction.
     */
    public int[] promptTokens() {
        return promptTokens;
    }

    /**
     * Instances between which its KV moves. Empty for a request without a peer: a connector of
     * peers leaves it alone, a store serves it by its tokens.
     */
    public Optional<TransferRoute> route() {
        return route;
    }

    /**
     * True at the producer if the engine computes the whole prompt, its last token too, and then
     * says with {@link KvScheduler#attach} what goes with its KV. True at the consumer if it can
     * begin with that, instead of with the prompt's last token. The two need not agree: without an
     * attachment {@link #transferTokens} tokens change hands.
     */
    public boolean attachment() {
        return attachment;
    }

    /**
     * Anything else that the KV depends on, such as an adapter, an image or a tenant. KV is shared
     * only between requests of one salt. Usually empty.
     */
    public String salt() {
        return salt;
    }

    /**
     * Number of tokens that change hands: all but the prompt's last, which the decode instance
     * computes itself to get its logits. With an attachment the last one changes hands, too.
     */
    public int transferTokens() {
        return promptTokens.length - 1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvRequest request && id.equals(request.id);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    @Override
    public String toString() {
        return "KvRequest[id=" + id + " tokens=" + promptTokens.length + " route=" + route + "]";
    }

    /** Builder of a KvRequest; one thread. */
    public static final class Builder {

        private final String id;
        private final int[] promptTokens;
        private Optional<TransferRoute> route = Optional.empty();
        private boolean attachment = false;
        private String salt = "";

        private Builder(String id, int[] promptTokens) {
            this.id = id;
            this.promptTokens = promptTokens;
        }

        /** Sets {@link KvRequest#route}. */
        public Builder route(TransferRoute route) {
            this.route = Optional.of(route);
            return this;
        }

        /** Sets {@link KvRequest#route}. */
        public Builder route(Optional<TransferRoute> route) {
            this.route = route;
            return this;
        }

        /** Sets {@link KvRequest#attachment}. */
        public Builder attachment(boolean attachment) {
            this.attachment = attachment;
            return this;
        }

        /** Sets {@link KvRequest#salt}. */
        public Builder salt(String salt) {
            this.salt = salt;
            return this;
        }

        /**
         * The value.
         *
         * @throws IllegalArgumentException if a component is out of its range
         */
        public KvRequest build() {
            return new KvRequest(this);
        }
    }
}
