// SPDX-License-Identifier: Apache-2.0
/**
 * Plugin and engine that DJL and DJL Serving see: the one answers HTTP requests, the other loads
 * models.
 */
@NullMarked
package io.kvlink.djl;

import org.jspecify.annotations.NullMarked;
