// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

/**
 * A kernel launch that is filled in, run and filled in anew. Arguments are given in the kernel's
 * order; their C types must have the width of the method's. One thread, attached to the device.
 * Nothing is to be closed.
 */
public final class Launch {

    private final KernelArguments arguments = new KernelArguments();
    private int gridX = 1;
    private int gridY = 1;
    private int gridZ = 1;
    private int block = 1;
    private int sharedBytes;

    /**
     * A launch on a device.
     *
     * @param device open; it stays the caller's
     */
    public Launch(Gpu device) {
        device.requireOpen();
    }

    /** Number of blocks on each axis. */
    public Launch grid(int x, int y, int z) {
        gridX = x;
        gridY = y;
        gridZ = z;
        return this;
    }

    /** Threads of a block. */
    public Launch block(int x) {
        block = x;
        return this;
    }

    /** Bytes of dynamic shared memory of a block; 0 if it isn't said. */
    public Launch shared(int bytes) {
        sharedBytes = bytes;
        return this;
    }

    /** Adds an address of device memory. */
    public Launch pointer(long address) {
        arguments.add(address);
        return this;
    }

    /** Adds an {@code int}. */
    public Launch value(int value) {
        arguments.add(value);
        return this;
    }

    /** Adds a {@code float}. */
    public Launch value(float value) {
        arguments.add(value);
        return this;
    }

    /** Adds a {@code long long}. */
    public Launch value(long value) {
        arguments.add(value);
        return this;
    }

    /**
     * Enqueues the kernel, and forgets the arguments and the shared bytes; grid and block stay.
     *
     * @param function of a {@link CudaModule} that is open until the kernel has run
     * @param stream of the same device
     * @throws CudaException if the driver refuses; the arguments are forgotten all the same
     */
    public void run(long function, long stream) {
        int count = arguments.count();
        arguments.clear();
        enqueue(function, stream, arguments.address(), count);
    }

    /**
     * Enqueues a kernel whose only argument is a struct, and forgets the shared bytes; grid and
     * block stay.
     *
     * @param function of a {@link CudaModule} that is open until the kernel has run
     * @param stream of the same device
     * @param argument open; it stays the caller's
     * @throws CudaException if the driver refuses
     */
    public void run(long function, long stream, StructArgument argument) {
        enqueue(function, stream, argument.address(), 1);
    }

    private void enqueue(long function, long stream, long parameters, int count) {
        int shared = sharedBytes;
        sharedBytes = 0;
        int status =
                DriverCalls.cuLaunchKernel(
                        function, gridX, gridY, gridZ, block, 1, 1, shared, stream, parameters, 0);
        if (status != DriverCalls.SUCCESS) {
            throw CudaException.ofDriver(
                    "cuLaunchKernel",
                    status,
                    "grid=%dx%dx%d block=%d sharedBytes=%d arguments=%d"
                            .formatted(gridX, gridY, gridZ, block, shared, count));
        }
    }
}
