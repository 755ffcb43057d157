// SPDX-License-Identifier: Apache-2.0
/** The contract of a data plane, and the tables that planes share. Knows no plane. Internal. */
@NullMarked
package io.kvlink.p2p.internal.plane;

import org.jspecify.annotations.NullMarked;
