// SPDX-License-Identifier: Apache-2.0
/** Measurements of KvLink; run by {@code benchmarks/run.sh}, never by the tests. */
@NullMarked
package io.kvlink.benchmarks;

import org.jspecify.annotations.NullMarked;
