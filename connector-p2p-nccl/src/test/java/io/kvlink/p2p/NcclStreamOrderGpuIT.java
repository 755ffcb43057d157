// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

final class NcclStreamOrderGpuIT extends StreamOrderCases {
    NcclStreamOrderGpuIT() {
        super("nccl", 2);
    }
}
