// SPDX-License-Identifier: Apache-2.0
/**
 * Connector of one worker: found by its name, opened with the model's layout, and measured; or
 * none. Called by {@code worker} alone.
 */
@NullMarked
package io.kvlink.djl.worker.connector;

import org.jspecify.annotations.NullMarked;
