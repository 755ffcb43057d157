// SPDX-License-Identifier: Apache-2.0
/** CUDA and NCCL behind small ports, so that all else can be tested without a GPU. Internal. */
@NullMarked
package io.kvlink.p2p.internal.cuda;

import org.jspecify.annotations.NullMarked;
