// SPDX-License-Identifier: Apache-2.0
/**
 * Settings of one model's worker, checked when they are made. Depends on {@code engine} and {@code
 * model.config}, but on nothing of {@code worker}.
 */
@NullMarked
package io.kvlink.djl.worker.config;

import org.jspecify.annotations.NullMarked;
