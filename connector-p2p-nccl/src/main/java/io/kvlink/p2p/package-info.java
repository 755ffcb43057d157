// SPDX-License-Identifier: Apache-2.0
/** The point-to-point connector: its configuration, and how engines find it. */
@NullMarked
package io.kvlink.p2p;

import org.jspecify.annotations.NullMarked;
