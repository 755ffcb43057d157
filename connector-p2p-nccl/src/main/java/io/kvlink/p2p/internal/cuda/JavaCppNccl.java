// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.NcclCalls.check;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclConfig_t;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.BytePointer;

/**
 * NCCL through JavaCPP's CUDA preset. The preset's headers are of NCCL 2.29; nothing that 2.28
 * lacks is called.
 */
public final class JavaCppNccl implements NcclLibrary {

    // What NCCL's header calls NCCL_CONFIG_UNDEF_INT: the library's choice.
    private static final int UNDEFINED = Integer.MIN_VALUE;

    private final DriverDevice device;

    private JavaCppNccl(DriverDevice device) {
        this.device = device;
    }

    /**
     * Loads the library.
     *
     * @param device where communicators are made; borrowed until the last one is released
     * @return the library
     * @throws KvConnectorException with {@link KvError#UNAVAILABLE} if it can't be loaded
     */
    public static JavaCppNccl open(DriverDevice device) {
        try {
            JavaCppNccl library = new JavaCppNccl(device);
            library.version();
            return library;
        } catch (LinkageError cause) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE,
                    "NCCL isn't loadable: %s; put libnccl.so.2 and libcudart.so.13 on the library path"
                            .formatted(cause.getMessage()),
                    cause);
        }
    }

    @Override
    public int version() {
        int[] version = new int[1];
        check(nccl.ncclGetVersion(version), "ncclGetVersion", "");
        return version[0];
    }

    @Override
    public byte[] newUniqueId() {
        try (ncclUniqueId id = new ncclUniqueId()) {
            check(nccl.ncclGetUniqueId(id), "ncclGetUniqueId", device);
            byte[] bytes = new byte[UNIQUE_ID_BYTES];
            id.internal().get(bytes);
            return bytes;
        }
    }

    @Override
    public NcclCommunicator init(byte[] uniqueId, int rank, int channels) {
        if (uniqueId.length != UNIQUE_ID_BYTES || (rank & ~1) != 0 || channels < 0) {
            throw new IllegalArgumentException(
                    "idBytes=%d rank=%d channels=%d".formatted(uniqueId.length, rank, channels));
        }
        // Both are NCCL's own copies when the call returns.
        try (ncclUniqueId id = new ncclUniqueId();
                ncclConfig_t config = config(channels)) {
            id.internal().put(uniqueId);
            ncclComm communicator = new ncclComm();
            check(
                    nccl.ncclCommInitRankConfig(communicator, 2, id, rank, config),
                    "ncclCommInitRankConfig",
                    "rank=%d channels=%d %s".formatted(rank, channels, device));
            return new JavaCppCommunicator(device, communicator, rank);
        }
    }

    /**
     * Configuration like NCCL_CONFIG_INITIALIZER, but for a few fields of ours. An older library
     * reads a prefix of it.
     */
    private static ncclConfig_t config(int channels) {
        ncclConfig_t config = new ncclConfig_t();
        int ctas = channels == 0 ? UNDEFINED : channels;
        return config.size(config.sizeof())
                .magic(nccl.NCCL_API_MAGIC)
                .version(nccl.NCCL_VERSION_CODE)
                .blocking(0)
                .cgaClusterSize(UNDEFINED)
                .minCTAs(ctas)
                .maxCTAs(ctas)
                .netName((BytePointer) null)
                .splitShare(UNDEFINED)
                .trafficClass(UNDEFINED)
                .commName((BytePointer) null)
                .collnetEnable(UNDEFINED)
                .CTAPolicy(UNDEFINED)
                .shrinkShare(UNDEFINED)
                .nvlsCTAs(UNDEFINED)
                .nChannelsPerNetPeer(UNDEFINED)
                .nvlinkCentricSched(UNDEFINED)
                .graphUsageMode(UNDEFINED)
                .numRmaCtx(UNDEFINED);
    }

    @Override
    public void groupStart() {
        check(nccl.ncclGroupStart(), "ncclGroupStart", device);
    }

    @Override
    public void groupEnd() {
        check(nccl.ncclGroupEnd(), "ncclGroupEnd", device);
    }
}
