// SPDX-License-Identifier: Apache-2.0
/**
 * Values that senders and receivers share: chunks, digests, limits, counts. Internal: no promise to
 * anyone.
 */
@NullMarked
package io.kvlink.p2p.internal.transfer;

import org.jspecify.annotations.NullMarked;
