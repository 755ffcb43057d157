// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Facts and services that an engine gives a connector. */
public final class KvConnectorContext {

    private final List<KvLayerGroup> groups;
    private final Runnable wakeup;
    private final String modelName;
    private final Optional<KvDevice> device;
    private final Optional<HostPoolProvider> hostPools;
    private final int prefillChunk;
    private final Optional<KvConnectors> connectors;
    private final KvHalf half;

    private KvConnectorContext(Builder from) {
        groups = from.groups;
        wakeup = from.wakeup;
        modelName = from.modelName;
        device = from.device;
        hostPools = from.hostPools;
        prefillChunk = from.prefillChunk;
        connectors = from.connectors;
        half = from.half;
        if (prefillChunk < 0) {
            throw new IllegalArgumentException("prefillChunk=" + prefillChunk);
        }
        List<Integer> layers =
                groups.stream().flatMap(group -> group.layers().stream()).sorted().toList();
        KvLayout first = groups.get(0).layout();
        if (!layers.equals(IntStream.range(0, layers.size()).boxed().toList())
                || !groups.stream().allMatch(group -> sameRank(group.layout(), first))) {
            throw new IllegalArgumentException("groups=" + groups);
        }
    }

    private static boolean sameRank(KvLayout one, KvLayout other) {
        return one.model().equals(other.model())
                && one.tpRank() == other.tpRank()
                && one.tpSize() == other.tpSize()
                && one.ppRank() == other.ppRank()
                && one.ppSize() == other.ppSize();
    }

    /**
     * Builder of a value, with what every one has.
     *
     * @param layout see the accessor
     * @param wakeup see the accessor
     */
    public static Builder builder(KvLayout layout, Runnable wakeup) {
        return new Builder(List.of(KvLayerGroup.all(layout)), wakeup);
    }

    /**
     * Builder for an engine whose layers are of several groups.
     *
     * @param groups see the accessor
     * @param wakeup see the accessor
     */
    public static Builder ofGroups(List<KvLayerGroup> groups, Runnable wakeup) {
        return new Builder(groups, wakeup);
    }

    /**
     * Layout in which the engine keeps KV, where all layers are of one group with full attention.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} if they aren't: a connector that
     *     asks for it can't serve such a model
     */
    public KvLayout layout() {
        KvLayerGroup group = groups.get(0);
        if (groups.size() > 1 || group.window() > 0) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "groups=%d window=%d; this connector moves layers of one shape with full attention only"
                            .formatted(groups.size(), group.window()));
        }
        return group.layout();
    }

    /** Groups of layers, which have a shape and a block table each; together all of this rank. */
    public List<KvLayerGroup> groups() {
        return groups;
    }

    /**
     * Called from any thread when a request that was told to {@link LoadDecision#askAgain ask
     * again} may now be answered, or something can be polled. It returns at once.
     */
    public Runnable wakeup() {
        return wakeup;
    }

    /** Name by which clients call the model; empty if the engine doesn't say. */
    public String modelName() {
        return modelName;
    }

    /** Device that the engine computes on; empty if KV lies in host memory. */
    public Optional<KvDevice> device() {
        return device;
    }

    /** Pool for received KV when the buffer is full; empty if no tensor pool is installed. */
    public Optional<HostPoolProvider> hostPools() {
        return hostPools;
    }

    /**
     * Tokens of a prompt that the engine computes in one step, counted from its first: a connector
     * may hand KV over chunk by chunk. 0 if it computes prompts as a whole, or doesn't say. Steps
     * may be larger or smaller all the same.
     */
    public int prefillChunk() {
        return prefillChunk;
    }

    /** Connectors that one of several parts may be made of; empty if the engine doesn't say. */
    public Optional<KvConnectors> connectors() {
        return connectors;
    }

    /** Halves of the connector that the engine calls in this process. */
    public KvHalf half() {
        return half;
    }

    @Override
    public String toString() {
        return "KvConnectorContext[groups="
                + groups
                + " wakeup="
                + wakeup
                + " modelName="
                + modelName
                + " device="
                + device
                + " hostPools="
                + hostPools
                + " prefillChunk="
                + prefillChunk
                + " connectors="
                + connectors
                + " half="
                + half
                + "]";
    }

    /** Builder of a KvConnectorContext; one thread. */
    public static final class Builder {

        private final List<KvLayerGroup> groups;
        private final Runnable wakeup;
        private String modelName = "";
        private Optional<KvDevice> device = Optional.empty();
        private Optional<HostPoolProvider> hostPools = Optional.empty();
        private int prefillChunk = 0;
        private Optional<KvConnectors> connectors = Optional.empty();
        private KvHalf half = KvHalf.BOTH;

        private Builder(List<KvLayerGroup> groups, Runnable wakeup) {
            this.groups = List.copyOf(groups);
            this.wakeup = wakeup;
        }

        /** Sets {@link KvConnectorContext#modelName}. */
        public Builder modelName(String modelName) {
            this.modelName = modelName;
            return this;
        }

        /** Sets {@link KvConnectorContext#device}. */
        public Builder device(KvDevice device) {
            this.device = Optional.of(device);
            return this;
        }

        /** Sets {@link KvConnectorContext#device}. */
        public Builder device(Optional<KvDevice> device) {
            this.device = device;
            return this;
        }

        /** Sets {@link KvConnectorContext#hostPools}. */
        public Builder hostPools(HostPoolProvider hostPools) {
            this.hostPools = Optional.of(hostPools);
            return this;
        }

        /** Sets {@link KvConnectorContext#hostPools}. */
        public Builder hostPools(Optional<HostPoolProvider> hostPools) {
            this.hostPools = hostPools;
            return this;
        }

        /** Sets {@link KvConnectorContext#prefillChunk}. */
        public Builder prefillChunk(int prefillChunk) {
            this.prefillChunk = prefillChunk;
            return this;
        }

        /** Sets {@link KvConnectorContext#connectors}. */
        public Builder connectors(KvConnectors connectors) {
            this.connectors = Optional.of(connectors);
            return this;
        }

        /** Sets {@link KvConnectorContext#connectors}. */
        public Builder connectors(Optional<KvConnectors> connectors) {
            this.connectors = connectors;
            return this;
        }

        /** Sets {@link KvConnectorContext#half}. */
        public Builder half(KvHalf half) {
            this.half = half;
            return this;
        }

        /**
         * The value.
         *
         * @throws IllegalArgumentException if a component is out of its range
         */
        public KvConnectorContext build() {
            return new KvConnectorContext(this);
        }
    }
}
