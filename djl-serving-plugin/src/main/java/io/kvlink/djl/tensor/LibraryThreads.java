// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import com.sun.jna.Function;
import java.util.Optional;

/**
 * How many threads libtorch uses for what the calling thread computes: OpenMP keeps the number for
 * each thread. Other threads' numbers stay as they are.
 */
public final class LibraryThreads {

    private static final class Probe {
        static final Optional<Function> SETTER = setter();

        private static Optional<Function> setter() {
            try {
                // Found among the libraries that libtorch needs.
                return Optional.of(TorchShim.library().getFunction("omp_set_num_threads"));
            } catch (LinkageError absent) {
                return Optional.empty();
            }
        }
    }

    private LibraryThreads() {}

    /** Sets the calling thread's number; without OpenMP it stays as it is. */
    public static void use(int count) {
        Probe.SETTER.ifPresent(setter -> setter.invokeVoid(new Object[] {count}));
    }
}
