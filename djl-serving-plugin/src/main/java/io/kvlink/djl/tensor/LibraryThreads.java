// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import com.sun.jna.Function;

/**
 * How many threads libtorch uses for what the calling thread computes: OpenMP keeps the number for
 * each thread. Other threads' numbers stay as they are.
 */
public final class LibraryThreads {

    private static final class Probe {
        // Found among the libraries that libtorch needs.
        static final ShimPart<Function> SETTER =
                ShimPart.probe(
                        "libtorch's threads stay as they are",
                        TorchShim::symbol,
                        symbols -> symbols.find("omp_set_num_threads"));
    }

    private LibraryThreads() {}

    /** Sets the calling thread's number; without OpenMP it stays as it is. */
    public static void use(int count) {
        if (Probe.SETTER.availability().ready()) {
            Probe.SETTER.required().invokeVoid(new Object[] {count});
        }
    }
}
