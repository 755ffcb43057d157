// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.engine.LayerHook;

/**
 * Passes on a hook's calls when a batch is computed in parts. The first part's begin of a layer and
 * the last part's end are those of the whole batch. Decoder's thread.
 *
 * @param whole called once a layer
 */
record PartHook(LayerHook whole, boolean first, boolean last) implements LayerHook {
    @Override
    public void beforeAttention(int layer) {
        if (first) {
            whole.beforeAttention(layer);
        }
    }

    @Override
    public void afterLayer(int layer) {
        if (last) {
            whole.afterLayer(layer);
        }
    }
}
