// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/** A fake device keeps the contract. */
class FakeDeviceTest extends CudaDeviceContract {

    private final FakeCuda cuda = new FakeCuda(1, System.nanoTime());

    @Override
    CudaDevice openDevice() {
        return cuda.newProcess().open(0);
    }
}
