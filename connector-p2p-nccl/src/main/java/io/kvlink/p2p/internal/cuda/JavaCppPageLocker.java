// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

import static io.kvlink.p2p.internal.cuda.CudaCalls.check;

import io.kvlink.p2p.internal.cuda.CudaCalls.Address;
import io.kvlink.spi.PageLocker;
import java.nio.ByteBuffer;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/** Registers host memory with CUDA. The memory stays its owner's, and Java's to count. */
record JavaCppPageLocker(CudaDevice device) implements PageLocker {

    @Override
    public long lock(ByteBuffer memory) {
        device.attach(); // The pool locks on whatever thread leases.
        Pointer start = new Pointer(memory);
        long address = start.address() + memory.position();
        check(
                cudart.cuMemHostRegister(
                        new Address(address),
                        memory.remaining(),
                        // Mapped, as kernels copy short runs to and from it.
                        cudart.CU_MEMHOSTREGISTER_PORTABLE | cudart.CU_MEMHOSTREGISTER_DEVICEMAP),
                "cuMemHostRegister",
                "bytes=" + memory.remaining());
        return address;
    }

    @Override
    public void unlock(long address) {
        device.attach();
        check(cudart.cuMemHostUnregister(new Address(address)), "cuMemHostUnregister", "");
    }
}
