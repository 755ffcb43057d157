// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/**
 * Work of a device that runs in the order in which it was enqueued. Made by a {@link CudaDevice}.
 */
public interface CudaStream extends AutoCloseable {

    /** Gives the stream back, once what is enqueued has run. A foreign stream stays. */
    @Override
    void close();
}
