// SPDX-License-Identifier: Apache-2.0
/**
 * Port to a worker: what a surface asks for, listens to and is told of a worker's health. {@code
 * worker} implements it, and {@code http} sees nothing else of a worker. Depends on {@code chat},
 * {@code model.config}, {@code sampling} and {@code text}.
 */
@NullMarked
package io.kvlink.djl.generation;

import org.jspecify.annotations.NullMarked;
