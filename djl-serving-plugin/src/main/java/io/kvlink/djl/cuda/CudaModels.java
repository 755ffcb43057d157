// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.cuda.Gpu;
import io.kvlink.djl.cuda.blas.Cublas;
import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.cuda.weights.WeightUploader;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.engine.DecodeSettings;
import io.kvlink.djl.engine.Decoder;
import io.kvlink.djl.engine.DecoderSpec;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.weights.Checkpoint;
import io.kvlink.spi.Availability;
import java.nio.file.Path;
import java.util.List;

/** Opens CUDA decoders, and says for which models and hosts there is one. */
public final class CudaModels {
    private static final int LEAST_CAPABILITY = 80;
    // A prompt is computed in chunks; several short ones together are as many tokens at least.
    private static final int LEAST_PREFILL = 2048;
    private static final int VECTOR_BYTES = 16;

    private CudaModels() {}

    /**
     * Reason why a model can't have a CUDA decoder.
     *
     * @return the reason; empty if it can
     */
    public static String whyNot(DecoderSpec spec) {
        if (!spec.device().isGpu()) {
            return "device=%s".formatted(spec.device());
        }
        for (Availability needed : List.of(Gpu.availability(), Cublas.availability())) {
            if (!needed.ready()) {
                return needed.reason();
            }
        }
        if (spec.decoding().batch() == DecodeBatch.OFF) {
            return "decode_batch=off";
        }
        String shape = shapeWhyNot(spec.model());
        return shape.isEmpty() ? deviceWhyNot(spec.device().getDeviceId()) : shape;
    }

    private static String shapeWhyNot(ModelConfig model) {
        int bytes = model.computeType().kvType().bytes();
        for (int size : new int[] {model.headDim(), model.hiddenSize(), model.intermediateSize()}) {
            if (size * bytes % VECTOR_BYTES != 0) {
                return "head_dim=%d hidden_size=%d intermediate_size=%d dtype=%s; expected rows of %d bytes"
                        .formatted(
                                model.headDim(),
                                model.hiddenSize(),
                                model.intermediateSize(),
                                model.computeType().key(),
                                VECTOR_BYTES);
            }
        }
        return AttentionShape.whyNot(model);
    }

    private static String deviceWhyNot(int ordinal) {
        try (Gpu device = Gpu.open(ordinal)) {
            return device.capability() >= LEAST_CAPABILITY
                    ? ""
                    : "device=%s capability=%d; expected %d or more"
                            .formatted(device.name(), device.capability(), LEAST_CAPABILITY);
        }
    }

    /**
     * Loads a model that {@link #whyNot} has nothing against.
     *
     * @return closed by the caller, on the calling thread
     * @throws io.kvlink.cuda.CudaException if the driver refuses something
     * @throws io.kvlink.djl.model.config.ModelLoadException if the files don't hold what the
     *     configuration asks for, or the device has too little memory
     */
    public static Decoder open(DecoderSpec spec) {
        DecodeSettings decoding = spec.decoding();
        int maxPrefill = Math.max(LEAST_PREFILL, spec.prefillChunk());
        CudaSettings settings =
                new CudaSettings(
                        spec.device().getDeviceId(),
                        decoding.batch() == DecodeBatch.EXACT,
                        decoding.maxBatch(),
                        maxPrefill,
                        spec.maxRunning(),
                        spec.kvCacheTokens(),
                        spec.gpuMemoryUtilization(),
                        (device, stream, tensors, block) -> upload(spec, device, tensors, block));
        return new CudaDecoder(
                spec.model(),
                CudaResources.open(settings, spec.model()),
                decoding.maxBatch(),
                maxPrefill);
    }

    private static void upload(
            DecoderSpec spec, Gpu device, List<CudaWeights.Tensor> tensors, long block) {
        ElementType type = ElementType.valueOf(spec.model().computeType().kvType().name());
        Path name = spec.directory().toAbsolutePath().normalize().getFileName();
        try (Checkpoint checkpoint = Checkpoint.open(spec.directory());
                WeightUploader uploader =
                        WeightUploader.open(device, checkpoint, String.valueOf(name))) {
            for (CudaWeights.Tensor tensor : tensors) {
                long[] shape = tensor.shape().stream().mapToLong(Integer::longValue).toArray();
                uploader.upload(tensor.name(), type, block + tensor.offset(), shape);
            }
            uploader.finish();
        }
    }
}
