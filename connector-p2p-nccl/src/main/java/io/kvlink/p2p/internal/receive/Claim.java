// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import java.util.Optional;

/** Request that a transfer is for. */
sealed interface Claim {

    /** The request, if there is one. */
    default Optional<Expectation> request() {
        return Optional.empty();
    }

    /** True if it is that request. */
    default boolean by(Expectation other) {
        return request().filter(other::equals).isPresent();
    }

    /** No request has asked, or the one that had has let go. */
    record Nobody() implements Claim {}

    /** A request has asked, and reads nothing. */
    record Claimed(Expectation held) implements Claim {
        @Override
        public Optional<Expectation> request() {
            return Optional.of(held);
        }
    }

    /** A request was told that all is here or about to be: it may read the memory. */
    record Reading(Expectation reader) implements Claim {
        @Override
        public Optional<Expectation> request() {
            return Optional.of(reader);
        }
    }
}
