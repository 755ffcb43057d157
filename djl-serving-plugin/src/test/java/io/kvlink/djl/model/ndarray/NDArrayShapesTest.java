// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import ai.djl.Device;
import io.kvlink.djl.engine.Decoders;
import io.kvlink.djl.engine.ModelShape;
import io.kvlink.djl.engine.ShapeRun;
import io.kvlink.djl.model.config.ComputeType;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Models of unusual shapes, in changing company. */
class NDArrayShapesTest {
    private static final Decoders CPU = new Decoders(Device.cpu(), NDArrayDecoder::open);

    @TempDir private Path directory;

    @ParameterizedTest
    @EnumSource
    void shouldPickAsTheReference(ModelShape shape) {
        ShapeRun.assertPicks(CPU, directory, shape, ComputeType.FLOAT32, 12, 1e-4);
    }
}
