// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.Token;

/**
 * Identity of the process that a plane belongs to, as its peers see it.
 *
 * @param token random, the same for all planes of a JVM
 * @param pid the process's number in its namespace
 * @param started when it started, in the kernel's ticks: numbers are used again
 * @param pidNamespace which one that is
 */
public record ProcessIdentity(String token, long pid, long started, String pidNamespace) {

    /** Identity of this JVM, with a token of its own. */
    public static ProcessIdentity ofThisProcess() {
        return of("self", ProcessHandle.current().pid());
    }

    /** Another process of this namespace, with a token of its own. */
    static ProcessIdentity of(long pid) {
        return of(Long.toString(pid), pid);
    }

    private static ProcessIdentity of(String entry, long pid) {
        return new ProcessIdentity(
                Token.random().hex(),
                pid,
                GpuEndpoint.startOf(entry),
                GpuEndpoint.thisPidNamespace());
    }
}
