// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Tail of a transfer, as far as the engine has said what becomes of it. */
sealed interface Tail {

    /** The engine has said nothing yet. */
    record Awaited() implements Tail {}

    /** Saved, now or later, and this goes with it; perhaps nothing. */
    record Attached(Optional<ByteBuffer> content) implements Tail {}

    /** No tail: there is none, or none will come. */
    record None() implements Tail {}
}
