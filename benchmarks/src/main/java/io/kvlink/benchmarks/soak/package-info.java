// SPDX-License-Identifier: Apache-2.0
/** Many clients of the demo's processes for a long time. */
@NullMarked
package io.kvlink.benchmarks.soak;

import org.jspecify.annotations.NullMarked;
