/**
 * Weights on their way from a checkpoint's files to a GPU: threads read, page-locked buffers
 * travel, kernels convert. Depends on the checkpoint's files and on {@link io.kvlink.cuda}.
 */
@NullMarked
package io.kvlink.djl.cuda.weights;

import org.jspecify.annotations.NullMarked;
