// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.GenerationException;

/** Fate of failures that are thrown in the scheduler's loop. */
final class Failures {

    private Failures() {}

    /** Throws on what no loop should survive. */
    static void rethrowFatal(Throwable cause) {
        if (cause instanceof VirtualMachineError fatal) {
            throw fatal;
        }
    }

    /** A defect as a client hears of it; the cause is for the log. */
    static GenerationException internal(Sequence sequence, Throwable cause) {
        return new GenerationException(
                GenerationException.Kind.INTERNAL,
                "request=%s; see the worker's log".formatted(sequence.kv().id()),
                cause);
    }
}
