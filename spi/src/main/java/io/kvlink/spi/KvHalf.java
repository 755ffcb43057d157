// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** Halves of a connector that an engine calls in one process. */
public enum KvHalf {
    /** Both: scheduler and layers are in one process. */
    BOTH,
    /** Only the {@link KvScheduler}: the layers are computed elsewhere. */
    SCHEDULER,
    /** Only the {@link KvWorker}, for one rank of the layout. */
    WORKER
}
