// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import com.sun.jna.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Native memory that was freed and that the C library still keeps. */
final class FreedMemory {

    private static final Logger log = LoggerFactory.getLogger(FreedMemory.class);

    private FreedMemory() {}

    /**
     * Gives freed memory back to the system. The C library keeps freed blocks of less than 32 MiB,
     * for each of many arenas. So a server that loads and unloads models would grow.
     */
    static void giveBack() {
        try {
            Function.getFunction("c", "malloc_trim").invokeInt(new Object[] {0L});
        } catch (UnsatisfiedLinkError | NoClassDefFoundError cause) {
            log.debug("no malloc_trim here: freed memory stays with the process", cause);
        }
    }
}
