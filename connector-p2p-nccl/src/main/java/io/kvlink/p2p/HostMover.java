// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.spi.KvLayout;
import io.kvlink.spi.MemoryRegion;
import java.util.List;

/** Copies on the calling thread: what a method has returned from is done. */
final class HostMover implements KvMover {

    @Override
    public boolean accepts(MemoryRegion layer) {
        return layer.kind().host();
    }

    @Override
    public void attach() {}

    @Override
    public boolean enqueues() {
        return false;
    }

    @Override
    public void beginLoads() {}

    @Override
    public void load(
            List<MemoryRegion> source,
            MemoryRegion layer,
            List<KvLayout.Run> runs,
            boolean moreToCome) {
        KvCopies.copy(source, KvCopies.parts(layer, runs));
    }

    @Override
    public void joinLoads() {}

    @Override
    public void awaitLoads() {}

    @Override
    public void save(int number, MemoryRegion layer, List<Save> saves) {
        for (Save save : saves) {
            if (save.kv().ended()) {
                continue;
            }
            List<MemoryRegion> source = KvCopies.parts(layer, save.runs());
            if (save.kv().copied()) {
                List<MemoryRegion> held = List.of(save.held(number));
                KvCopies.copy(source, held);
                source = held;
            }
            save.kv().save(number, save.chunk(), source, save.bytes(), null);
        }
    }

    @Override
    public void joinSaves() {}

    @Override
    public boolean savesCopied() {
        return true;
    }

    @Override
    public void awaitSaves() {}

    @Override
    public void close() {}
}
