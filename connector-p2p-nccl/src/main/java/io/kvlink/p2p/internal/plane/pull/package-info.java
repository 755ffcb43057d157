// SPDX-License-Identifier: Apache-2.0
/**
 * The common half of the planes between GPUs. The receiver dials the sender's side channel and
 * pulls; a {@code Wire} moves the bytes. Internal.
 */
@NullMarked
package io.kvlink.p2p.internal.plane.pull;

import org.jspecify.annotations.NullMarked;
