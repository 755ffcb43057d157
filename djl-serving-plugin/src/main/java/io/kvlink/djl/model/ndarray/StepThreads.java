// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import io.kvlink.djl.tensor.LibraryThreads;

/**
 * On how many of libtorch's threads the parts of a decode step are computed: on one, where waking
 * the others costs more than they save. Decoder's thread.
 *
 * @param layers for products of a layer, attention and what surrounds them
 * @param head for logits
 * @param all of libtorch's, as they were set when the model was loaded
 */
record StepThreads(int layers, int head, int all) {
    /** Numbers of a matrix from which a product of few rows is worth several threads. */
    private static final long LARGE = 1 << 22;

    static StepThreads of(LlamaWeights weights, int all) {
        Projection layer = weights.layers().get(0).gateUp();
        return new StepThreads(wanted(layer, all), wanted(weights.head(), all), all);
    }

    private static int wanted(Projection product, int all) {
        return product.weight().size() >= LARGE ? all : 1;
    }

    void ofLayers() {
        use(layers);
    }

    void ofHead() {
        use(head);
    }

    /** Products of a prompt have many rows. */
    void ofPrompts() {
        use(all);
    }

    private void use(int count) {
        if (all > 1) {
            LibraryThreads.use(count);
        }
    }
}
