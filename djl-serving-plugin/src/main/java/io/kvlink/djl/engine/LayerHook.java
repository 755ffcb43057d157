// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/**
 * Code around each layer of one call: it loads a layer's KV before it is read and saves it after it
 * was written. Called on the decoder's thread, layers in ascending order, both methods once a
 * layer. On a GPU "has" means enqueued, on the stream that computes. An exception ends the call and
 * reaches its caller. The slots' KV is then complete only up to the last layer for which {@link
 * #afterLayer} was called.
 */
public interface LayerHook {
    /** Does nothing at any layer: the decoder may compute all layers in one go. */
    LayerHook NONE =
            new LayerHook() {
                @Override
                public void beforeAttention(int layer) {}

                @Override
                public void afterLayer(int layer) {}
            };

    /**
     * The layer is about to write its new K and V and to read all earlier ones. When this returns,
     * the bytes of every earlier position must be in the KV memory.
     */
    void beforeAttention(int layer);

    /** The layer's new K and V are in the KV memory, and its attention has read them. */
    void afterLayer(int layer);
}
