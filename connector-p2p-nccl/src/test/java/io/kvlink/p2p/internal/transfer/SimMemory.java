// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.memory.TransferMemory;

final class SimMemory {
    static TransferMemory of(long bytes) {
        return new TransferMemory(bytes);
    }
}
