// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.NcclCalls.check;

import io.kvlink.p2p.internal.cuda.NcclCalls.Address;
import java.util.function.ToIntFunction;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A communicator of NCCL that doesn't block. Both ways to end one do block, for as long as anything
 * is before its operations in their stream, so each is called on a thread of its own. NCCL allows
 * that: the device's thread goes on with other communicators, and never touches this one again.
 */
final class JavaCppCommunicator implements NcclCommunicator {

    private static final Logger log = LoggerFactory.getLogger(JavaCppCommunicator.class);

    private final DriverDevice device;
    private final ncclComm communicator;
    private final int peer;
    private final int[] status = new int[1];
    // The stream of the last call; it is the same for long.
    private CUstream_st last = new CUstream_st();
    private @Nullable Thread end;

    JavaCppCommunicator(DriverDevice device, ncclComm communicator, int rank) {
        this.device = device;
        this.communicator = communicator;
        this.peer = 1 - rank;
    }

    @Override
    public NcclState state() {
        check(nccl.ncclCommGetAsyncError(alive(), status), "ncclCommGetAsyncError", device);
        return switch (status[0]) {
            case nccl.ncclSuccess -> NcclState.READY;
            case nccl.ncclInProgress -> NcclState.IN_PROGRESS;
            default -> NcclState.failed(NcclCalls.describe(status[0], communicator));
        };
    }

    @Override
    public void send(long address, long bytes, CudaStream stream) {
        int result =
                nccl.ncclSend(
                        new Address(address), bytes, nccl.ncclInt8, peer, alive(), pointer(stream));
        if (result != nccl.ncclSuccess) {
            check(result, "ncclSend", facts(address, bytes));
        }
    }

    @Override
    public void receive(long address, long bytes, CudaStream stream) {
        int result =
                nccl.ncclRecv(
                        new Address(address), bytes, nccl.ncclInt8, peer, alive(), pointer(stream));
        if (result != nccl.ncclSuccess) {
            check(result, "ncclRecv", facts(address, bytes));
        }
    }

    private CUstream_st pointer(CudaStream stream) {
        long handle = DriverDevice.handle(stream);
        if (last.address() != handle) {
            last = new CUstream_st(new Address(handle));
        }
        return last;
    }

    private String facts(long address, long bytes) {
        return "peer=%d address=0x%x bytes=%d %s".formatted(peer, address, bytes, device);
    }

    @Override
    public void abort() {
        end("ncclCommAbort", nccl::ncclCommAbort);
    }

    @Override
    public void destroy() {
        end("ncclCommDestroy", nccl::ncclCommDestroy);
    }

    private void end(String call, ToIntFunction<ncclComm> ending) {
        ncclComm ended = alive();
        end =
                new Thread(
                        () -> {
                            try {
                                // Without it, NCCL would make a context on the first device.
                                device.attach();
                                check(ending.applyAsInt(ended), call, device);
                            } catch (RuntimeException cause) {
                                log.warn(
                                        "{}: memory of an ended communicator may be lost",
                                        device,
                                        cause);
                            }
                        },
                        "kv-nccl-end-" + device.ordinal());
        end.setDaemon(true);
        end.start();
    }

    private ncclComm alive() {
        if (end != null) {
            throw new IllegalStateException("this communicator has ended: " + device);
        }
        return communicator;
    }

    @Override
    public boolean released() {
        return end != null && !end.isAlive();
    }
}
