// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import java.lang.StackWalker.StackFrame;
import java.util.List;

/**
 * Place in the code that took a lease.
 *
 * @param frames the pool's callers, the nearest first
 */
record BirthSite(List<StackFrame> frames) {

    private static final int MAX_FRAMES = 8;
    private static final StackWalker WALKER = StackWalker.getInstance();

    /** The caller of this package's pool. */
    static BirthSite capture() {
        return new BirthSite(
                WALKER.walk(
                        stack -> stack.dropWhile(BirthSite::isOurs).limit(MAX_FRAMES).toList()));
    }

    private static boolean isOurs(StackFrame frame) {
        return frame.getClassName().equals(BirthSite.class.getName())
                || frame.getClassName().equals(BuddyHostPool.class.getName());
    }
}
