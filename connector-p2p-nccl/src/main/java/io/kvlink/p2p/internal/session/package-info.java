// SPDX-License-Identifier: Apache-2.0
/**
 * Conversations with peers: the handshake, the choice of a plane, and their ends. Internal: no
 * promise to anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.session;

import org.jspecify.annotations.NullMarked;
