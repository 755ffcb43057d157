// SPDX-License-Identifier: Apache-2.0
/** The ways bytes move: one contract, several planes. Internal. */
@NullMarked
package io.kvlink.p2p.internal.dataplane;

import org.jspecify.annotations.NullMarked;
