// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneFactory;
import io.kvlink.p2p.internal.plane.NoPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlane;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneConfig;
import io.kvlink.p2p.internal.plane.tcp.TcpPlaneFactory;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the planes that a setting asks for. {@value #AUTO} means all that this machine has, the
 * best first; a name means that plane only.
 */
public final class DataPlanes {

    /** The setting for "whatever works here". */
    public static final String AUTO = "auto";

    private static final Logger log = LoggerFactory.getLogger(DataPlanes.class);

    private final List<DataPlaneFactory> factories;
    // Opened when they are named only.
    private final List<DataPlaneFactory> extras;

    DataPlanes(List<DataPlaneFactory> factories, List<DataPlaneFactory> extras) {
        this.factories = List.copyOf(factories);
        this.extras = List.copyOf(extras);
    }

    /**
     * All planes of this version in order of preference, and those that other jars bring.
     *
     * @param tcp how the TCP plane listens
     * @param gpu what planes between GPUs work with; empty if the engine keeps KV in host memory
     */
    public static DataPlanes standard(TcpPlaneConfig tcp, Optional<GpuPlaneConfig> gpu) {
        GpuProbe probe = GpuProbe.ofThisMachine();
        DataPlaneFactory cudaIpc =
                new GpuPlaneFactory(
                        GpuPlanes.CUDA_IPC,
                        probe.missingForCuda(),
                        gpu,
                        config -> {},
                        GpuPlanes::openCudaIpc);
        DataPlaneFactory nccl =
                new GpuPlaneFactory(
                        GpuPlanes.NCCL,
                        probe.missingForNccl(),
                        gpu,
                        GpuPlanes::requireNccl,
                        GpuPlanes::openNccl);
        return new DataPlanes(
                List.of(cudaIpc, nccl, forHost(new TcpPlaneFactory(tcp), gpu)),
                found().stream().map(each -> forHost(each, gpu)).toList());
    }

    private static DataPlaneFactory forHost(
            DataPlaneFactory factory, Optional<GpuPlaneConfig> gpu) {
        return gpu.isPresent() ? new NoPlane(factory.name(), "KV lies in device memory") : factory;
    }

    // A plane of host memory can come in a jar of its own, beside the connector's.
    private static List<DataPlaneFactory> found() {
        ClassLoader loader = DataPlanes.class.getClassLoader();
        return ServiceLoader.load(DataPlaneFactory.class, loader).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
    }

    /** All settings that name planes: {@value #AUTO} first. */
    public static List<String> settings() {
        Stream<String> standard =
                Stream.of(AUTO, GpuPlanes.CUDA_IPC, GpuPlanes.NCCL, TcpPlane.NAME);
        return Stream.concat(standard, found().stream().map(DataPlaneFactory::name)).toList();
    }

    /** The planes' names, in order of preference. */
    public List<String> names() {
        return all().map(DataPlaneFactory::name).toList();
    }

    private Stream<DataPlaneFactory> all() {
        return Stream.concat(factories.stream(), extras.stream());
    }

    /**
     * Opens planes. Logs which, and at DEBUG why the others are not.
     *
     * @param setting {@value #AUTO} or a name; a plane of another jar is opened only when named
     * @return the planes, the best first; the caller closes them
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} for an unknown name, {@link
     *     KvError#UNAVAILABLE} for a plane that this machine lacks
     */
    public List<DataPlane> open(String setting) {
        if (!setting.equals(AUTO) && !names().contains(setting)) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "data_plane=%s; expected %s or one of %s".formatted(setting, AUTO, names()));
        }
        List<DataPlane> open = new ArrayList<>();
        List<String> others = new ArrayList<>();
        try {
            for (DataPlaneFactory factory : all().toList()) {
                String reason = reasonAgainst(factory, setting);
                if (reason.isEmpty()) {
                    open.add(factory.open());
                } else {
                    others.add(factory.name() + ": " + reason);
                }
            }
        } catch (RuntimeException | Error cause) {
            closeAll(open, cause);
            throw cause;
        }
        if (open.isEmpty()) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE, "data_plane=%s %s".formatted(setting, others));
        }
        log.info(startLine(open.stream().map(DataPlane::name).toList(), others));
        others.forEach(other -> log.debug("not open: {}", other));
        return List.copyOf(open);
    }

    /** Line that a start logs: each reason is cut to its fact, the text before a semicolon. */
    static String startLine(List<String> open, List<String> others) {
        return "data planes open: %s; not open: %s"
                .formatted(open, others.stream().map(other -> other.split(";", 2)[0]).toList());
    }

    private String reasonAgainst(DataPlaneFactory factory, String setting) {
        if (setting.equals(AUTO)) {
            if (extras.contains(factory)) {
                return "opened only when named";
            }
        } else if (!factory.name().equals(setting)) {
            return "data_plane=" + setting;
        }
        Availability availability = factory.availability();
        if (!availability.ready() && !setting.equals(AUTO)) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE,
                    "data_plane=%s: %s".formatted(setting, availability.reason()));
        }
        return availability.reason();
    }

    private static void closeAll(List<DataPlane> planes, Throwable cause) {
        for (DataPlane plane : planes) {
            try {
                plane.close();
            } catch (RuntimeException inner) {
                cause.addSuppressed(inner);
            }
        }
    }
}
