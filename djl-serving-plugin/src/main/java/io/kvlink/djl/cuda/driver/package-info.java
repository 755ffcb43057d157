/**
 * The CUDA driver and cuBLAS, called through JNA: memory, streams, events, kernels, graphs and
 * matrix products of one GPU. Addresses and handles are plain {@code long}s. Depends on JNA, on the
 * SPI's {@link io.kvlink.spi.Availability} and on the place of DJL's libtorch only.
 */
@NullMarked
package io.kvlink.djl.cuda.driver;

import org.jspecify.annotations.NullMarked;
