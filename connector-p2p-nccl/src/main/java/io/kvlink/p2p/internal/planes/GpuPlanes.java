// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import io.kvlink.p2p.internal.cuda.NcclLibrary;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.cudaipc.IpcWire;
import io.kvlink.p2p.internal.plane.nccl.NcclWire;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.p2p.internal.plane.pull.GpuPlane;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.p2p.internal.plane.pull.ProcessIdentity;
import io.kvlink.p2p.internal.plane.pull.PullReceiver;
import io.kvlink.p2p.internal.plane.pull.PullSizes;
import io.kvlink.p2p.internal.plane.pull.PullTurns;
import io.kvlink.p2p.internal.plane.pull.SideChannel;
import io.kvlink.p2p.internal.plane.pull.SpillBuffer;
import io.kvlink.p2p.internal.plane.pull.Wire;
import io.kvlink.spi.MemoryRegion;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens planes between GPUs. */
public final class GpuPlanes {

    private static final Logger log = LoggerFactory.getLogger(GpuPlanes.class);

    /** The name of the plane that writes into the receiver's mapped memory. */
    public static final String CUDA_IPC = "cuda-ipc";

    /** The name of the plane over NCCL. */
    public static final String NCCL = "nccl";

    // A communicator takes hundreds of megabytes.
    private static final long NCCL_UNUSED_NS = TimeUnit.MINUTES.toNanos(1);
    // Mapped memory costs nothing that anybody misses.
    private static final long IPC_UNUSED_NS = Long.MAX_VALUE;

    // The same for all planes of this process.
    private static final ProcessIdentity PROCESS = ProcessIdentity.ofThisProcess();

    private GpuPlanes() {}

    /**
     * Opens a {@value #CUDA_IPC} plane.
     *
     * @param config what it works with
     * @return the plane, to be polled by one thread; the caller closes it
     */
    public static DataPlane openCudaIpc(GpuPlaneConfig config) {
        return openCudaIpc(config, PROCESS, PullSizes.DEFAULT, IPC_UNUSED_NS);
    }

    public static GpuPlane openCudaIpc(
            GpuPlaneConfig config, ProcessIdentity process, PullSizes sizes, long unusedNs) {
        CudaDevice device = config.device();
        MemoryRegion arena = config.arena();
        GpuPlane.Parts parts =
                new GpuPlane.Parts() {
                    @Override
                    public GpuEndpoint endpoint(SideChannel channel) {
                        byte[] handle =
                                arena == null ? new byte[0] : device.export(arena.address());
                        return GpuPlanes.endpoint(device, process, handle, 0, channel);
                    }

                    @Override
                    public Wire wire(SideChannel channel, GpuEndpoint self, GpuPlane plane) {
                        return new IpcWire(device, channel, self, arena, plane);
                    }

                    @Override
                    public PullReceiver receiver(
                            SideChannel channel, SpillBuffer spill, Wire wire) {
                        return new PullReceiver(
                                channel,
                                wire,
                                spill,
                                arena,
                                ((IpcWire) wire)::describe,
                                new PullTurns(sizes.groupBytes()),
                                sizes);
                    }
                };
        return new GpuPlane(CUDA_IPC, device, config.host(), unusedNs, sizes, parts);
    }

    /**
     * Opens an {@value #NCCL} plane.
     *
     * @param config what it works with
     * @return the plane, to be polled by one thread; the caller closes it
     */
    public static DataPlane openNccl(GpuPlaneConfig config) {
        return openNccl(
                config,
                nccl(config),
                PROCESS,
                PullSizes.DEFAULT,
                NCCL_UNUSED_NS,
                new PullTurns(PullSizes.DEFAULT.groupBytes()));
    }

    /**
     * Loads NCCL, or throws as {@link JavaCppNccl#open} does.
     *
     * @param config the device to load it for
     */
    public static void requireNccl(GpuPlaneConfig config) {
        log.info("NCCL version={}", nccl(config).version());
    }

    private static NcclLibrary nccl(GpuPlaneConfig config) {
        if (!(config.device() instanceof DriverDevice device)) {
            throw new IllegalArgumentException("no device of the driver's: " + config.device());
        }
        return JavaCppNccl.open(device);
    }

    public static GpuPlane openNccl(
            GpuPlaneConfig config,
            NcclLibrary library,
            ProcessIdentity process,
            PullSizes sizes,
            long unusedNs,
            PullTurns lane) {
        CudaDevice device = config.device();
        GpuPlane.Parts parts =
                new GpuPlane.Parts() {
                    @Override
                    public GpuEndpoint endpoint(SideChannel channel) {
                        return GpuPlanes.endpoint(
                                device, process, new byte[0], library.version(), channel);
                    }

                    @Override
                    public Wire wire(SideChannel channel, GpuEndpoint self, GpuPlane plane) {
                        return new NcclWire(
                                device,
                                library,
                                channel,
                                plane,
                                config.ncclChannels(),
                                sizes.groupBytes());
                    }

                    @Override
                    public PullReceiver receiver(
                            SideChannel channel, SpillBuffer spill, Wire wire) {
                        return new PullReceiver(
                                channel, wire, spill, config.arena(), any -> null, lane, sizes);
                    }
                };
        return new GpuPlane(NCCL, device, config.host(), unusedNs, sizes, parts);
    }

    private static GpuEndpoint endpoint(
            CudaDevice device,
            ProcessIdentity process,
            byte[] handle,
            int nccl,
            SideChannel channel) {
        return new GpuEndpoint(
                GpuEndpoint.thisHost(),
                process.token(),
                process.pid(),
                process.started(),
                process.pidNamespace(),
                device.uuid(),
                handle,
                nccl,
                channel.address());
    }
}
