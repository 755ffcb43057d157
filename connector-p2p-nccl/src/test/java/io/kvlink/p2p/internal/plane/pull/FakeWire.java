// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A wire that moves nothing, and says of links what a test has decided. */
final class FakeWire implements Wire {

    /** Links that the GPU works for. */
    final Set<Link> busy = new HashSet<>();

    /** Links whose peer can't write any more. */
    final Set<Link> dead = new HashSet<>();

    /** Links that were greeted, and those that were let go of. */
    final List<Link> greeted = new ArrayList<>();

    final List<Link> released = new ArrayList<>();

    /** Says whether the next greeting fails. */
    boolean refuses;

    @Override
    public boolean idle(Link link) {
        return !busy.contains(link);
    }

    @Override
    public boolean writesNoMore(Link link, long lostNs, long nowNs) {
        return dead.contains(link);
    }

    @Override
    public boolean pullsEarly() {
        return false;
    }

    @Override
    public boolean ready(Link link) {
        return true;
    }

    @Override
    public boolean busy() {
        return !busy.isEmpty();
    }

    @Override
    public boolean reaches(GpuEndpoint self, GpuEndpoint peer) {
        return true;
    }

    @Override
    public int poll(long nowNs) {
        return 0;
    }

    @Override
    public List<Long> messages(List<MemoryRegion> source) {
        return List.of();
    }

    @Override
    public List<KvMetric> metrics() {
        return List.of();
    }

    @Override
    public void greet(Link link) {
        if (refuses) {
            throw new KvConnectorException(KvError.NATIVE_CALL_FAILED, "refuses=true");
        }
        greeted.add(link);
    }

    @Override
    public void onFrame(Link link, LinkFrame frame) {}

    @Override
    public void onPulled(Link link, List<Landing> landings) {}

    @Override
    public void push(Link link, List<Move> moves) {}

    @Override
    public void abandon(Link link) {}

    @Override
    public void release(Link link) {
        released.add(link);
    }

    @Override
    public void close() {}
}
