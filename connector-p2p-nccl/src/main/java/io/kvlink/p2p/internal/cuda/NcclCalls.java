// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/** Turns NCCL's statuses into words, and bad ones into an exception that names the call. */
final class NcclCalls {

    private NcclCalls() {}

    /** A pointer with an address that came from elsewhere. */
    static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }

    static void check(int status, String call, Object facts) {
        // A call on a communicator that doesn't block may be under way; its state tells.
        if (status != nccl.ncclSuccess && status != nccl.ncclInProgress) {
            throw new KvConnectorException(
                    KvError.NATIVE_CALL_FAILED,
                    "%s %s %s".formatted(call, describe(status, null), facts));
        }
    }

    /** The status by number and name, and NCCL's last words. */
    static String describe(int status, @Nullable ncclComm communicator) {
        BytePointer words = nccl.ncclGetLastError(communicator);
        String last = words == null || words.isNull() ? "" : words.getString().strip();
        return "status=%d (%s)%s"
                .formatted(status, name(status), last.isEmpty() ? "" : " last=\"" + last + "\"");
    }

    private static String name(int status) {
        return switch (status) {
            case nccl.ncclSuccess -> "ncclSuccess";
            case nccl.ncclUnhandledCudaError -> "ncclUnhandledCudaError";
            case nccl.ncclSystemError -> "ncclSystemError";
            case nccl.ncclInternalError -> "ncclInternalError";
            case nccl.ncclInvalidArgument -> "ncclInvalidArgument";
            case nccl.ncclInvalidUsage -> "ncclInvalidUsage";
            case nccl.ncclRemoteError -> "ncclRemoteError";
            case nccl.ncclInProgress -> "ncclInProgress";
            default -> "unknown";
        };
    }
}
