// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Which layers are offered together, and when. Where lanes are shared a grant blocks others, so
 * only what is computed is offered, within a byte budget; and not layer by layer, since each offer
 * costs a round trip. Otherwise all layers are offered at once, also before they are computed.
 * Control thread only.
 */
final class OfferPolicy {

    // About a round trip.
    private static final long COALESCE_NS = TimeUnit.MICROSECONDS.toNanos(150);

    private final long groupBytes;
    private final long tokenBytes;
    // Those whose offer waits for more layers.
    private final Set<Outbound> coalescing = new LinkedHashSet<>();

    OfferPolicy(long groupBytes, long tokenBytes) {
        this.groupBytes = groupBytes;
        this.tokenBytes = tokenBytes;
    }

    /** Looks at what is saved: from the oldest layer that isn't offered the time is counted. */
    void onSaved(Outbound transfer, long nowNs) {
        int offered = transfer.state == SendState.WAITING ? transfer.groupFirst : transfer.groupEnd;
        if (transfer.savedLayers() > offered && !transfer.unoffered) {
            transfer.unoffered = true;
            transfer.unofferedNs = nowNs;
        }
    }

    /** What was to be offered is. */
    void onOffered(Outbound transfer) {
        transfer.unoffered = false;
        coalescing.remove(transfer);
    }

    /** One past the last layer to offer now; the group's first layer if none is. */
    int groupEnd(Outbound transfer, Session session, long nowNs) {
        if (!session.device().plane().sharedLane()) {
            return transfer.layers();
        }
        int full = fullGroup(transfer);
        int end = Math.min(transfer.savedLayers(), full);
        if (end == transfer.groupFirst || end == full) {
            coalescing.remove(transfer);
            return end;
        }
        if (nowNs - transfer.unofferedNs < COALESCE_NS) {
            coalescing.add(transfer);
            return transfer.groupFirst;
        }
        coalescing.remove(transfer);
        return end;
    }

    private int fullGroup(Outbound transfer) {
        long layerBytes = Math.max(1, tokenBytes * transfer.tokens());
        long budget = Math.max(1, groupBytes / layerBytes);
        return (int) Math.min(transfer.layers(), transfer.groupFirst + budget);
    }

    /** A transfer isn't to be offered for the time being. */
    void forget(Outbound transfer) {
        coalescing.remove(transfer);
    }

    /** Transfers to be looked at again within microseconds. */
    List<Outbound> coalescing() {
        return coalescing.isEmpty() ? List.of() : List.copyOf(coalescing);
    }
}
