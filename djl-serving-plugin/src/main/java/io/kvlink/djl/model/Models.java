// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import io.kvlink.cuda.CudaException;
import io.kvlink.djl.cuda.CudaModels;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderFactory;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.model.ndarray.NDArrayDecoder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chooses the decoder of a model. A further decoder or family has its place in {@link #open}. */
public final class Models implements DecoderFactory {

    private static final Logger log = LoggerFactory.getLogger(Models.class);

    /** Opens the decoder that suits the model and its device best. */
    @Override
    public Decoder open(DecoderSpec spec) {
        if (!spec.device().isGpu()) {
            return NDArrayDecoder.open(spec);
        }
        try {
            String whyNot = CudaModels.whyNot(spec);
            if (whyNot.isEmpty()) {
                return CudaModels.open(spec);
            }
            log.warn("decoder=ndarray, as the CUDA decoder doesn't serve this: {}", whyNot);
        } catch (CudaException refused) {
            log.warn("decoder=ndarray, as the CUDA decoder can't be opened", refused);
        }
        return NDArrayDecoder.open(spec);
    }
}
