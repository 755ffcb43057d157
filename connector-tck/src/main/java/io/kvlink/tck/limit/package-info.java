// SPDX-License-Identifier: Apache-2.0
/** The suite's watch over a connector's calls: each has a time limit, also in a test's teardown. */
@NullMarked
package io.kvlink.tck.limit;

import org.jspecify.annotations.NullMarked;
