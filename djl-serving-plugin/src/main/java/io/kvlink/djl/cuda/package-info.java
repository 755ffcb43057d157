/**
 * The CUDA decoder: a model's layers as kernels of our own and products of cuBLAS, decode steps as
 * graphs, tokens picked on the device. Depends on {@code engine}, {@code model.config}, {@code
 * model.weights}, {@code sampling}, {@code cuda.blas}, {@code cuda.kv} and {@code cuda.weights}; of
 * libtorch it needs nothing.
 */
@NullMarked
package io.kvlink.djl.cuda;

import org.jspecify.annotations.NullMarked;
