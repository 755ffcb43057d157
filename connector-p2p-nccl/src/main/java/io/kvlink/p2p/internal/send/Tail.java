// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Tail of a transfer, as far as the engine has said what becomes of it. */
sealed interface Tail {

    /** Nothing was said yet. */
    record Awaited() implements Tail {}

    /** It is saved or will be, and this goes with it; nothing may. */
    record Attached(Optional<ByteBuffer> content) implements Tail {}

    /** There is none, or there will be none. */
    record None() implements Tail {}
}
