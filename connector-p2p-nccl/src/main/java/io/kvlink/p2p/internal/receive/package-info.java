// SPDX-License-Identifier: Apache-2.0
/**
 * One prompt's KV on its way in. {@code Inbox} is the control thread's: it asks {@code
 * ReceiveMachine}, which is pure, for the next {@code Receipt} and has {@code ReceiveEffects} run
 * what is to be done. {@code Grants} brings the device's reports to that thread. Internal: no
 * promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.receive;

import org.jspecify.annotations.NullMarked;
