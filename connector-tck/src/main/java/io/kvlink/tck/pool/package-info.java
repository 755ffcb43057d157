// SPDX-License-Identifier: Apache-2.0
/** Host pools of the suite: one that is plain, and a watch over any other's leases. */
@NullMarked
package io.kvlink.tck.pool;

import org.jspecify.annotations.NullMarked;
