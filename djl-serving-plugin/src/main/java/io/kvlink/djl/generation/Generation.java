// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

/** A prompt that was accepted. */
public interface Generation {

    /**
     * Gives it up, from any thread; its memory is freed within one step. The listener hears nothing
     * more, not even of the end. Does nothing when it has ended.
     */
    void cancel();
}
