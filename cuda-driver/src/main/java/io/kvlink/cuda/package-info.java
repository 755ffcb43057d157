// SPDX-License-Identifier: Apache-2.0
/**
 * The CUDA driver, called through JNA: memory, streams, events, kernels, graphs, other GPUs and
 * other processes. Addresses and handles are plain {@code long}s. Depends on JNA and on the SPI's
 * {@link io.kvlink.spi.Availability} only.
 */
@NullMarked
package io.kvlink.cuda;

import org.jspecify.annotations.NullMarked;
