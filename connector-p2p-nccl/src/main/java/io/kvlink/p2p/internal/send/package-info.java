// SPDX-License-Identifier: Apache-2.0
/**
 * One prompt's KV on its way out. The engine's thread saves it in {@code SavedKv}. Each rank that
 * reads it has an {@code OutboundTransfer}, which the control thread and the device's share. {@code
 * Sender} is the control thread's: it asks {@code SendMachine}, which is pure, for the next {@code
 * SendState} and brings the effects about. Internal: no promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.send;

import org.jspecify.annotations.NullMarked;
