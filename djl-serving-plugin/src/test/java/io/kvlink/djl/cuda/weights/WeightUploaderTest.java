// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.cuda.blas.ElementType;
import io.kvlink.djl.cuda.weights.WeightUploader.Pipeline;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.djl.model.weights.Checkpoint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightUploaderTest {

    private static final Pipeline SMALL = new Pipeline(3, 4, 64);

    @TempDir private Path directory;

    private final List<String> lines = new ArrayList<>();

    @AfterEach
    void shouldLeaveNoThread() {
        requireNoReader();
    }

    @Test
    void shouldBringTheBytesOfSeveralShardsToTheirPlaces() throws Exception {
        byte[] first = random(4 * 1001);
        byte[] second = random(2 * 33);
        byte[] third = random(2 * 4096);
        new WeightFile()
                .with("a", "F32", first)
                .with("b", "BF16", second)
                .with("c", "F16", third)
                .writeShards(directory);
        FakeTarget target = new FakeTarget(20_000, 4);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            assertThat(uploader.upload("c", ElementType.F16, FakeTarget.BASE + 10_000, 4096))
                    .isEqualTo(third.length);
            assertThat(uploader.upload("a", ElementType.F32, FakeTarget.BASE + 8, 1001))
                    .isEqualTo(first.length);
            uploader.upload("b", ElementType.BF16, FakeTarget.BASE + 9_000, 33);
            uploader.finish();
        }
        byte[] expected = new byte[20_000];
        System.arraycopy(third, 0, expected, 10_000, third.length);
        System.arraycopy(first, 0, expected, 8, first.length);
        System.arraycopy(second, 0, expected, 9_000, second.length);
        assertThat(target.memory()).isEqualTo(expected);
        assertAllGivenBack(target);
    }

    @Property(tries = 60)
    void everyByteArrivesWhateverTheSizes(
            @ForAll @IntRange(max = 700) int elements,
            @ForAll @IntRange(min = 1, max = 5) int readers,
            @ForAll @IntRange(min = 1, max = 5) int buffers,
            @ForAll @IntRange(min = 1, max = 40) int words)
            throws Exception {
        byte[] bytes = random(2 * elements);
        Path folder = Files.createTempDirectory("weights");
        new WeightFile().with("x", "BF16", bytes).write(folder);
        FakeTarget target = new FakeTarget(2 * bytes.length + 8, buffers);
        Pipeline pipeline = new Pipeline(readers, buffers, 4 * words);
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                WeightUploader uploader = uploader(target, checkpoint, pipeline)) {
            uploader.upload("x", ElementType.BF16, FakeTarget.BASE, elements);
            uploader.upload("x", ElementType.BF16, FakeTarget.BASE + bytes.length, elements);
            uploader.finish();
        } finally {
            Files.delete(folder.resolve("model.safetensors"));
            Files.delete(folder);
        }
        assertThat(Arrays.copyOf(target.memory(), bytes.length)).isEqualTo(bytes);
        assertThat(Arrays.copyOfRange(target.memory(), bytes.length, 2 * bytes.length))
                .isEqualTo(bytes);
        assertAllGivenBack(target);
    }

    @Test
    void shouldPutConvertedPiecesWhereTheirElementsBelong() throws Exception {
        float[] values = new float[77];
        for (int i = 0; i < values.length; i++) {
            values[i] = i - 40;
        }
        FakeTarget target = new FakeTarget(200, 4);
        try (Checkpoint checkpoint = floats(values);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            assertThat(uploader.upload("x", ElementType.BF16, FakeTarget.BASE + 2, 77))
                    .isEqualTo(154);
            uploader.finish();
        }
        ByteBuffer memory = ByteBuffer.wrap(target.memory()).order(ByteOrder.nativeOrder());
        for (int i = 0; i < values.length; i++) {
            assertThat(Float.intBitsToFloat(memory.getShort(2 + 2 * i) << 16)).isEqualTo(values[i]);
        }
    }

    @Test
    void shouldNameTheTensorThatFloat16DoesNotHold() throws Exception {
        FakeTarget target = new FakeTarget(200, 4);
        try (Checkpoint checkpoint = floats(1, -70000, 3);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            uploader.upload("x", ElementType.F32, FakeTarget.BASE, 3);
            uploader.upload("x", ElementType.F16, FakeTarget.BASE + 100, 3);
            assertThatThrownBy(uploader::finish)
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessage(
                            "tensor=x shape=[3] holds 70000.0, float16 at most 65504.0;"
                                    + " option.dtype=float32 or bfloat16 holds it");
        }
        assertAllGivenBack(target);
    }

    @Test
    void shouldEndAndGiveAllBackWhenAFileWasCut() throws Exception {
        new WeightFile().with("x", "F32", random(100_000)).write(directory);
        FakeTarget target = new FakeTarget(100_000, 4);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            cut(directory.resolve("model.safetensors"), 50_000);
            assertThatThrownBy(
                            () -> {
                                uploader.upload("x", ElementType.F32, FakeTarget.BASE, 25_000);
                                uploader.finish();
                            })
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("tensor=x")
                    .hasMessageContaining("was the file cut meanwhile?");
        }
        assertAllGivenBack(target);
    }

    @Test
    void shouldGiveAllBackWhenNothingWasFinished() throws Exception {
        new WeightFile().with("x", "F32", random(4_000)).write(directory);
        FakeTarget target = new FakeTarget(4_000, 4);
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            uploader.upload("x", ElementType.F32, FakeTarget.BASE, 1_000);
            uploader.close();
        }
        assertAllGivenBack(target);
    }

    @Test
    void shouldGiveBuffersBackWhenThereAreTooFew() throws Exception {
        new WeightFile().with("x", "F32", random(400)).write(directory);
        FakeTarget target = new FakeTarget(400, 2);
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            assertThatThrownBy(() -> uploader(target, checkpoint, SMALL))
                    .hasMessage("no more locked memory");
        }
        assertThat(target.openBuffers()).isZero();
        assertThat(target.closed()).as("the target is still the caller's").isFalse();
    }

    @Test
    void shouldRefuseAShapeThatTheFileHasNot() throws Exception {
        FakeTarget target = new FakeTarget(100, 4);
        try (Checkpoint checkpoint = floats(1, 2, 3);
                WeightUploader uploader = uploader(target, checkpoint, SMALL)) {
            assertThatThrownBy(() -> uploader.upload("x", ElementType.F32, FakeTarget.BASE, 1, 3))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("tensor=x shape=[3] bytes=12 expected=[1, 3]");
            assertThatThrownBy(() -> uploader.upload("y", ElementType.F32, FakeTarget.BASE, 3))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("tensor=y missing");
            assertThatThrownBy(() -> checkpoint.bytes("x", 3).read(8, ByteBuffer.allocate(5)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("tensor=x from=8 bytes=5 allowed=its 12 bytes");
        }
    }

    @Test
    void shouldTellHowFarItIsEveryFiveSecondsAndAtTheEnd() {
        long[] nowNs = {0};
        LoadProgress progress = new LoadProgress("m", 16_000_000_000L, () -> nowNs[0], lines::add);
        progress.onBytes(1_000_000_000);
        nowNs[0] = 4_999_999_999L;
        progress.onBytes(1_000_000_000);
        assertThat(lines).isEmpty();
        nowNs[0] = 5_000_000_000L;
        progress.onBytes(2_000_000_000);
        nowNs[0] = 8_000_000_000L;
        progress.onBytes(12_000_000_000L);
        progress.onEnd();

        assertThat(lines)
                .containsExactly(
                        "loading model=m read=4.00 GB of=16.00 GB seconds=5.0 rate=0.80 GB/s",
                        "loaded model=m read=16.00 GB of=16.00 GB seconds=8.0 rate=2.00 GB/s");
    }

    private WeightUploader uploader(FakeTarget target, Checkpoint checkpoint, Pipeline pipeline) {
        return new WeightUploader(
                target,
                checkpoint,
                pipeline,
                new LoadProgress("m", checkpoint.totalBytes(), () -> 0, lines::add));
    }

    private Checkpoint floats(float... values) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return Checkpoint.open(new WeightFile().with("x", "F32", bytes.array()).write(directory));
    }

    private static void cut(Path file, long bytes) throws Exception {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(bytes);
        }
    }

    private static void assertAllGivenBack(FakeTarget target) {
        assertThat(target.openBuffers()).isZero();
        assertThat(target.closed()).isTrue();
        requireNoReader();
    }

    private static void requireNoReader() {
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .noneMatch(name -> name.startsWith("kv-load-"));
    }

    private static byte[] random(int bytes) {
        byte[] random = new byte[bytes];
        new Random(bytes).nextBytes(random);
        return random;
    }
}
