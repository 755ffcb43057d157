// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderFactory;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.model.ndarray.NDArrayDecoder;

/** Chooses the decoder of a model. A further decoder or family has its place in {@link #open}. */
public final class Models implements DecoderFactory {

    /** Opens the decoder that suits the model and its device best. */
    @Override
    public Decoder open(DecoderSpec spec) {
        return NDArrayDecoder.open(spec);
    }
}
