// SPDX-License-Identifier: Apache-2.0
/**
 * Matrix products of cuBLAS on one GPU, called through JNA. Depends on {@link io.kvlink.cuda}, on
 * JNA and on the place of DJL's libtorch only.
 */
@NullMarked
package io.kvlink.djl.cuda.blas;

import org.jspecify.annotations.NullMarked;
