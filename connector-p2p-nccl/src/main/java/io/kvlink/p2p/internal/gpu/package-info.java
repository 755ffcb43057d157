// SPDX-License-Identifier: Apache-2.0
/**
 * The data planes between GPUs. The receiver dials the sender's side channel and pulls; the bytes
 * go by NCCL, or by the sender's copy engine into the receiver's mapped memory. Internal.
 */
@NullMarked
package io.kvlink.p2p.internal.gpu;

import org.jspecify.annotations.NullMarked;
