// SPDX-License-Identifier: Apache-2.0
/** Spreads, tables, machines and waits that all benchmarks share. */
@NullMarked
package io.kvlink.benchmarks.measure;

import org.jspecify.annotations.NullMarked;
