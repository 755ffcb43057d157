// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import org.jspecify.annotations.Nullable;

/** Closes one thing after the other, whatever fails. */
public final class Closing {

    private @Nullable RuntimeException failure;

    public void run(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException cause) {
            if (failure == null) {
                failure = cause;
            } else {
                failure.addSuppressed(cause);
            }
        }
    }

    /** Throws the first failure, if there was one. */
    public void end() {
        if (failure != null) {
            throw failure;
        }
    }
}
