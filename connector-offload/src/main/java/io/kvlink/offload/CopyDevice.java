// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.spi.PageLocker;

/**
 * A GPU, as far as copies need it. Streams and events are addresses. A thread calls {@link #attach}
 * before anything else; nothing but {@link #synchronize} waits.
 */
interface CopyDevice extends AutoCloseable {

    /** The device's ordinal in this process. */
    int ordinal();

    /** Makes the device the calling thread's. */
    void attach();

    /** Makes a stream; {@link #synchronize} before {@link #destroyStream}. */
    long newStream();

    void destroyStream(long stream);

    /** Makes an event; it is complete until it is recorded. */
    long newEvent();

    void destroyEvent(long event);

    /** Marks the end of what is enqueued on a stream now. */
    void record(long event, long stream);

    /** Lets what is enqueued on a stream from now on wait for the event, as recorded now. */
    void await(long stream, long event);

    /** Enqueues a copy between device memory and locked host memory. */
    void copy(long to, long from, long bytes, long stream);

    /** Waits for all that was enqueued on a stream. */
    void synchronize(long stream);

    /** Locks host memory for this device. */
    PageLocker pageLocker();

    /** Lets go of the device; streams and events were destroyed before. */
    @Override
    void close();
}
