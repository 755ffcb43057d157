// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.driver;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import io.kvlink.spi.Availability;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Finds a native library among candidates and binds a class's native methods to it. */
final class NativeLibraries {

    // What dlopen calls RTLD_LAZY, and RTLD_LOCAL by leaving RTLD_GLOBAL out.
    private static final int LAZY_AND_LOCAL = 1;
    // What glibc calls RTLD_NOLOAD.
    private static final int ONLY_IF_LOADED = LAZY_AND_LOCAL | 4;

    /**
     * A library that may be there.
     *
     * @param name a soname, or an absolute path
     * @param onlyIfLoaded whether it counts only if the process has it already
     */
    record Candidate(String name, boolean onlyIfLoaded) {}

    private NativeLibraries() {}

    /** Candidates by soname: those that the process has loaded come first. */
    static List<Candidate> sonames(List<String> names) {
        List<Candidate> candidates = new ArrayList<>();
        names.forEach(name -> candidates.add(new Candidate(name, true)));
        names.forEach(name -> candidates.add(new Candidate(name, false)));
        return candidates;
    }

    /**
     * Binds all native methods of {@code calls} to the first candidate that can be loaded.
     *
     * @return ready, or which libraries were tried, or which function is missing
     */
    static Availability bind(Class<?> calls, List<Candidate> candidates) {
        List<String> tried = new ArrayList<>();
        try {
            for (Candidate candidate : candidates) {
                NativeLibrary library;
                try {
                    library = open(candidate);
                } catch (UnsatisfiedLinkError absent) {
                    if (!candidate.onlyIfLoaded()) {
                        tried.add(candidate.name());
                    }
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
                    "a library of %s can't be called: %s; a newer one may have that function"
                            .formatted(
                                    candidates.stream().map(Candidate::name).distinct().toList(),
                                    unusable.getMessage()));
        }
    }

    private static NativeLibrary open(Candidate candidate) {
        return NativeLibrary.getInstance(
                candidate.name(),
                Map.of(
                        Library.OPTION_OPEN_FLAGS,
                        candidate.onlyIfLoaded() ? ONLY_IF_LOADED : LAZY_AND_LOCAL));
    }
}
