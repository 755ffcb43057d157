// SPDX-License-Identifier: Apache-2.0
/**
 * A connector of several others: a request's KV is loaded from the first that has it, and saved to
 * all. The parts don't know of one another.
 */
@NullMarked
package io.kvlink.multi;

import org.jspecify.annotations.NullMarked;
