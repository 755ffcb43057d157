// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sleep of libtorch's threads that wait for one another between two products. OpenMP's own choice
 * is to spin, which holds the cores that the awaited threads need where other processes compute
 * too. OpenMP reads its environment when it is loaded, so this is said before that.
 */
final class ThreadWaits {

    private static final Logger log = LoggerFactory.getLogger(ThreadWaits.class);

    private static final String POLICY = "OMP_WAIT_POLICY";

    private static final int KEEP_WHAT_IS_SET = 0;

    private ThreadWaits() {}

    /** Sets the process's environment, unless the operator has; Java's copy stays as it was. */
    static void letSleep() {
        if (!Platform.isLinux()) {
            return;
        }
        try {
            int status =
                    NativeLibrary.getProcess()
                            .getFunction("setenv")
                            .invokeInt(new Object[] {POLICY, "passive", KEEP_WHAT_IS_SET});
            if (status != 0) {
                log.warn("{} can't be set: setenv status={}", POLICY, status);
            }
        } catch (LinkageError cause) {
            log.warn("{} can't be set, so libtorch's threads spin: {}", POLICY, cause.getMessage());
        }
    }
}
