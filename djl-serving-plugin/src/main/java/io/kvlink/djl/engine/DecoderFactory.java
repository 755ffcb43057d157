// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/** Opens decoders of one or several kinds. */
public interface DecoderFactory {

    /**
     * Loads a model.
     *
     * @return closed by the caller, on the calling thread
     * @throws io.kvlink.djl.model.config.ModelLoadException if it can't be served; nothing is left
     *     open
     */
    Decoder open(DecoderSpec spec);
}
