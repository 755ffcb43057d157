// SPDX-License-Identifier: Apache-2.0
/**
 * One prompt's KV on its way out. {@code Sender} is the control thread's: it asks {@code
 * SendMachine}, which is pure, for the next {@code SendState} and brings the effects about. {@code
 * OutboundTransfer} is all that the engine's and the device's threads touch. Internal: no promise
 * to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.send;

import org.jspecify.annotations.NullMarked;
