// SPDX-License-Identifier: Apache-2.0
/** The choice of planes: which exist, which work on this machine, which are opened. Internal. */
@NullMarked
package io.kvlink.p2p.internal.planes;

import org.jspecify.annotations.NullMarked;
