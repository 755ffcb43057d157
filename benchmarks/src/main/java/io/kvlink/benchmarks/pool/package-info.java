// SPDX-License-Identifier: Apache-2.0
/** The host pool, beside Netty's. */
@NullMarked
package io.kvlink.benchmarks.pool;

import org.jspecify.annotations.NullMarked;
