// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneFactory;
import io.kvlink.p2p.internal.plane.Journal;
import io.kvlink.p2p.internal.plane.loopback.LoopbackPlane;
import io.kvlink.p2p.internal.plane.loopback.LoopbackPlaneFactory;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneFactory;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataPlanesTest {

    private static final String NCCL = "org.bytedeco.cuda.global.nccl";

    private static final TcpPlaneConfig TCP = TcpPlaneConfig.usual("127.0.0.1", 0, "");

    @TempDir Path folder;

    private final ClassLoader withBindings = having("io.kvlink.cuda.", "com.sun.jna.", NCCL);

    /** A loader of nothing but Java's classes and empty ones of these names. */
    private static ClassLoader having(String... prefixes) {
        return new ClassLoader(ClassLoader.getPlatformClassLoader()) {
            @Override
            protected Class<?> findClass(String name) throws ClassNotFoundException {
                if (Stream.of(prefixes).noneMatch(name::startsWith)) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = emptyClass(name);
                return defineClass(name, bytes, 0, bytes.length);
            }
        };
    }

    /** The class file of a public class that holds nothing. */
    private static byte[] emptyClass(String name) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeInt(0xCAFEBABE);
            out.writeInt(52); // Java 8
            out.writeShort(5); // constants, and one
            out.writeByte(7);
            out.writeShort(2);
            out.writeByte(1);
            out.writeUTF(name.replace('.', '/'));
            out.writeByte(7);
            out.writeShort(4);
            out.writeByte(1);
            out.writeUTF("java/lang/Object");
            out.writeShort(0x0021);
            out.writeShort(1);
            out.writeShort(3);
            out.writeLong(0); // no interfaces, fields, methods, attributes
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
        return bytes.toByteArray();
    }

    private GpuProbe probe(ClassLoader loader) {
        return new GpuProbe(List.of(folder.resolve("version")), List.of(folder), loader);
    }

    private static GpuPlaneFactory gpuPlanes(
            String name, String missing, Optional<GpuPlaneConfig> gpu) {
        return new GpuPlaneFactory(name, missing, gpu, any -> {}, any -> LoopbackPlane.open());
    }

    private DataPlanes planes(ClassLoader loader) {
        return new DataPlanes(
                List.of(
                        gpuPlanes("cuda-ipc", probe(loader).missingForCuda(), Optional.empty()),
                        gpuPlanes("nccl", probe(loader).missingForNccl(), Optional.empty()),
                        new TcpPlaneFactory(TCP)),
                List.of(new LoopbackPlaneFactory()));
    }

    private static List<String> openAndClose(DataPlanes planes, String setting) {
        List<DataPlane> open = planes.open(setting);
        open.forEach(DataPlane::close);
        return open.stream().map(DataPlane::name).toList();
    }

    @Test
    void shouldPreferTheFastest() {
        assertThat(DataPlanes.standard(TCP, Optional.empty()).names())
                .containsExactly("cuda-ipc", "nccl", "tcp", "loopback");
    }

    @Test
    void shouldOpenAllThatAreAvailableButLoopback() {
        assertThat(openAndClose(planes(withBindings), "auto")).containsExactly("tcp");
        assertThat(openAndClose(DataPlanes.standard(TCP, Optional.empty()), "auto"))
                .contains("tcp");
    }

    @Test
    void shouldOpenTheNamedOneOnly() {
        assertThat(openAndClose(planes(withBindings), "tcp")).containsExactly("tcp");
        assertThat(openAndClose(planes(withBindings), "loopback")).containsExactly("loopback");
    }

    @Test
    void shouldNameTheKnownPlanes() {
        assertThatThrownBy(() -> planes(withBindings).open("rdma"))
                .isInstanceOf(KvConnectorException.class)
                .hasMessage(
                        "BAD_CONFIG(1): data_plane=rdma; expected auto or one of [cuda-ipc, nccl,"
                                + " tcp, loopback]");
    }

    @Test
    void shouldSayThatThereIsNoDriver() {
        for (String name : List.of("nccl", "cuda-ipc")) {
            assertThatThrownBy(() -> planes(withBindings).open(name))
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageStartingWith(
                            "UNAVAILABLE(5): data_plane=" + name + ": no CUDA driver; neither")
                    .hasMessageContaining("libcuda.so.1 in [" + folder + "]");
        }
    }

    @Test
    void shouldStartWithAShortLineWhereThereIsNoDriver() {
        List<String> others =
                List.of(
                        "cuda-ipc: " + probe(withBindings).missingForCuda(),
                        "nccl: " + probe(withBindings).missingForNccl());
        assertThat(DataPlanes.startLine(List.of("tcp"), others))
                .isEqualTo(
                        "data planes open: [tcp]; not open:"
                                + " [cuda-ipc: no CUDA driver, nccl: no CUDA driver]");
    }

    @Test
    void shouldNameTheBindingThatIsMissing() throws IOException {
        Files.createFile(folder.resolve("libcuda.so.1"));
        assertThatThrownBy(() -> planes(having("io.kvlink.cuda.", "com.sun.jna.")).open("nccl"))
                .hasMessage(
                        "UNAVAILABLE(5): data_plane=nccl: no class org.bytedeco.cuda.global.nccl; put org.bytedeco:cuda-platform on the class path");
        for (String name : List.of("nccl", "cuda-ipc")) {
            assertThatThrownBy(() -> planes(having("com.sun.jna.", NCCL)).open(name))
                    .hasMessage(
                            "UNAVAILABLE(5): data_plane="
                                    + name
                                    + ": no class io.kvlink.cuda.Gpu; put io.kvlink:kvlink-cuda-driver on the class path");
            assertThatThrownBy(() -> planes(having("io.kvlink.cuda.", NCCL)).open(name))
                    .hasMessageContaining("no class com.sun.jna.Native; put net.java.dev.jna:jna");
        }
        // Between processes of one host NCCL isn't needed.
        assertThatThrownBy(() -> planes(having("io.kvlink.cuda.", "com.sun.jna.")).open("cuda-ipc"))
                .hasMessageContaining("the engine keeps KV in host memory");
    }

    @Test
    void shouldOpenAGpuPlaneOnlyWhereItCanWork() {
        Optional<GpuPlaneConfig> gpu = Optional.of(gpu());
        gpuPlanes("nccl", "", gpu).open().close();
        GpuPlaneFactory unloadable =
                new GpuPlaneFactory(
                        "nccl",
                        "",
                        gpu,
                        any -> {
                            throw new KvConnectorException(KvError.UNAVAILABLE, "no libnccl");
                        },
                        any -> LoopbackPlane.open());
        assertThat(unloadable.availability().ready()).isFalse();
        assertThatThrownBy(unloadable::open)
                .hasMessage("UNAVAILABLE(5): plane=nccl: UNAVAILABLE(5): no libnccl");
    }

    @Test
    void shouldSayWhereTheEngineKeepsItsKv() throws IOException {
        Files.createFile(folder.resolve("version"));
        assertThatThrownBy(() -> planes(withBindings).open("nccl"))
                .hasMessage("UNAVAILABLE(5): data_plane=nccl: the engine keeps KV in host memory");
        for (String name : List.of("tcp", "loopback")) {
            assertThatThrownBy(() -> DataPlanes.standard(TCP, Optional.of(gpu())).open(name))
                    .hasMessage(
                            "UNAVAILABLE(5): data_plane=" + name + ": KV lies in device memory");
        }
    }

    private static GpuPlaneConfig gpu() {
        return new GpuPlaneConfig(new FakeCuda(1, 1).newProcess().open(0), "127.0.0.1", null, 0);
    }

    @Test
    void shouldRefuseWhenNothingIsAvailable() {
        DataPlanes none =
                new DataPlanes(
                        List.of(
                                gpuPlanes(
                                        "nccl",
                                        probe(withBindings).missingForNccl(),
                                        Optional.empty())),
                        List.of());
        assertThatThrownBy(() -> none.open("auto"))
                .hasMessageStartingWith("UNAVAILABLE(5): data_plane=auto [nccl: no CUDA driver");
    }

    @Test
    void shouldCloseWhatIsOpenWhenAnotherFails() {
        LoopbackPlane opened = LoopbackPlane.open();
        DataPlanes planes = new DataPlanes(List.of(new Opened(opened), new Broken()), List.of());

        assertThatThrownBy(() -> planes.open("auto")).hasMessage("INTERNAL(301): broken=yes");

        try (LoopbackPlane other = LoopbackPlane.open()) {
            Journal journal = new Journal();
            other.send(new DataPlane.SendOp(opened.endpoint(), 1, 0, List.of(), 0, journal));
            other.poll(0);
            assertThat(journal.events()).containsExactly("send PEER_LOST ticket=1 piece=0");
        }
    }

    private record Opened(DataPlane plane) implements DataPlaneFactory {
        @Override
        public String name() {
            return "opened";
        }

        @Override
        public Availability availability() {
            return Availability.usable();
        }

        @Override
        public DataPlane open() {
            return plane;
        }
    }

    private record Broken() implements DataPlaneFactory {
        @Override
        public String name() {
            return "broken";
        }

        @Override
        public Availability availability() {
            return Availability.usable();
        }

        @Override
        public DataPlane open() {
            throw new KvConnectorException(KvError.INTERNAL, "broken=yes");
        }
    }
}
