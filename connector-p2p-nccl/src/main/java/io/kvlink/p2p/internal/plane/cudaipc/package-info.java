// SPDX-License-Identifier: Apache-2.0
/**
 * The wire within one host: the sender's GPU writes into the receiver's mapped memory. Internal.
 */
@NullMarked
package io.kvlink.p2p.internal.plane.cudaipc;

import org.jspecify.annotations.NullMarked;
