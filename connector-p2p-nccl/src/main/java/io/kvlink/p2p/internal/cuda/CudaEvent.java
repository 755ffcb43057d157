// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.cuda;

/** A point in a stream, to be recorded again and again. Made by a {@link CudaDevice}. */
public interface CudaEvent extends AutoCloseable {

    /** Gives the event back. */
    @Override
    void close();
}
