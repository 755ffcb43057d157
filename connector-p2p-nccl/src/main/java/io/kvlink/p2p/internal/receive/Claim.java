// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.arrival.Expectation;
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

    /** No claim: no request has asked, or the one that had has let go. */
    record Nobody() implements Claim {}

    /** Claim of a request that has asked, and reads nothing. */
    record Claimed(Expectation held) implements Claim {
        @Override
        public Optional<Expectation> request() {
            return Optional.of(held);
        }
    }

    /** Claim of a request that was told that all is here or about to be: it may read. */
    record Reading(Expectation reader) implements Claim {
        @Override
        public Optional<Expectation> request() {
            return Optional.of(reader);
        }
    }
}
