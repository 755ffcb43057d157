// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import com.sun.jna.Function;
import io.kvlink.spi.Availability;

/**
 * Number of threads that libtorch uses for what the calling thread computes: OpenMP keeps it for
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

    /** Tells whether the number can be set: libtorch was built with OpenMP. */
    public static Availability availability() {
        return Probe.SETTER.availability();
    }

    /** Sets the calling thread's number. Only if {@link #availability} is ready. */
    public static void use(int count) {
        Probe.SETTER.required().invokeVoid(new Object[] {count});
    }
}
