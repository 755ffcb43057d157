// SPDX-License-Identifier: Apache-2.0
/** The wire tool: its options, the processes that it starts, its series, floors and report. */
@NullMarked
package io.kvlink.benchmarks.wire;

import org.jspecify.annotations.NullMarked;
