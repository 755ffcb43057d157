// SPDX-License-Identifier: Apache-2.0
/** The wire over NCCL: a communicator for each pair, one stream a direction. Internal. */
@NullMarked
package io.kvlink.p2p.internal.plane.nccl;

import org.jspecify.annotations.NullMarked;
