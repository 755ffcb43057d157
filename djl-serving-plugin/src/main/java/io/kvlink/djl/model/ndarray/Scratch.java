// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;

/**
 * Arrays that one call creates on the engine's device. Closing waits until the device has done all
 * that was enqueued, and then frees. So KV blocks may change hands when the call has returned or
 * failed. On the CPU there is nothing to wait for. One thread.
 */
record Scratch(NDManager manager) implements AutoCloseable {

    static Scratch open(NDManager parent) {
        return new Scratch(parent.newSubManager());
    }

    @Override
    public void close() {
        try {
            if (manager.getDevice().isGpu()) {
                // A number read back from the stream that computes: it waits for all before it.
                manager.zeros(new Shape(1)).toByteBuffer(true);
            }
        } finally {
            manager.close();
        }
    }
}
