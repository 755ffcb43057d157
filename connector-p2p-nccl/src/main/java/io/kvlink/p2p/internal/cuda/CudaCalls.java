// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;

/** Turns a driver call's status into an exception that names the call. */
final class CudaCalls {

    private CudaCalls() {}

    /** A pointer with an address that came from elsewhere. */
    static final class Address extends Pointer {
        Address(long address) {
            this.address = address;
        }
    }

    static void check(int status, String call, Object facts) {
        if (status != cudart.CUDA_SUCCESS) {
            throw new KvConnectorException(
                    KvError.NATIVE_CALL_FAILED,
                    "%s status=%d (%s) %s".formatted(call, status, name(status), facts));
        }
    }

    private static String name(int status) {
        try (PointerPointer<BytePointer> name = new PointerPointer<>(1)) {
            return cudart.cuGetErrorName(status, name) == cudart.CUDA_SUCCESS
                    ? name.getString(0)
                    : "unknown";
        }
    }
}
