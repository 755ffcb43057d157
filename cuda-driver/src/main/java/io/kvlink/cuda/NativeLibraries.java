// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import io.kvlink.spi.Availability;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Search for a native library among candidates, and the binding of a class's native methods to it.
 * Any thread.
 */
public final class NativeLibraries {

    // What dlopen calls RTLD_LAZY, and RTLD_LOCAL by leaving RTLD_GLOBAL out.
    private static final int LAZY_AND_LOCAL = 1;

    private NativeLibraries() {}

    /**
     * Binds all native methods of {@code calls} to the first candidate that can be loaded.
     *
     * @param calls a class whose native methods are the library's functions
     * @param candidates sonames or absolute paths; made one by one, as they are needed
     * @return ready, or which libraries were tried, or which function is missing
     */
    public static Availability bind(Class<?> calls, Stream<String> candidates) {
        List<String> tried = new ArrayList<>();
        try {
            for (String candidate : (Iterable<String>) candidates::iterator) {
                tried.add(candidate);
                NativeLibrary library;
                try {
                    library = open(candidate);
                } catch (UnsatisfiedLinkError absent) {
                    continue;
                }
                Native.register(calls, library);
                return Availability.usable();
            }
            return Availability.missing(
                    "no library loads of %s; is the NVIDIA driver installed, and CUDA's libraries?"
                            .formatted(tried));
        } catch (LinkageError unusable) {
            return Availability.missing(
                    "the last library of %s can't be called: %s; a newer one may have that function"
                            .formatted(tried, unusable.getMessage()));
        }
    }

    private static NativeLibrary open(String candidate) {
        return NativeLibrary.getInstance(
                candidate, Map.of(Library.OPTION_OPEN_FLAGS, LAZY_AND_LOCAL));
    }
}
