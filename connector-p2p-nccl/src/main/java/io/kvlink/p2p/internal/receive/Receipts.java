// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.receive;

import io.kvlink.p2p.internal.transfer.Tombstones;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Table of the transfers on their way in, and tombstones of those that have ended. Keeps count of
 * what each session is used for. Control thread only.
 */
final class Receipts {

    private final Tombstones tombstones = new Tombstones();
    private final Map<TransferId, Receipt> receipts = new LinkedHashMap<>();
    // Of those, the ones that hold and await nothing but their request's end.
    private int failed;

    /** Transfers that hold or await something. */
    int count() {
        return receipts.size() - failed;
    }

    /** Where a transfer stands; {@code null} if it isn't known here. */
    @Nullable Receipt find(TransferId id) {
        Receipt receipt = receipts.get(id);
        KvError told = receipt == null ? tombstones.of(id) : null;
        return told == null ? receipt : new Over(id, told);
    }

    /** Transfers that haven't ended, now: some may end while the caller goes through them. */
    List<Receipt> all() {
        return List.copyOf(receipts.values());
    }

    /** Transfers whose time is over. */
    List<Receipt> due(long nowNs) {
        return receipts.values().stream()
                .filter(Receipt.Timed.class::isInstance)
                .filter(receipt -> nowNs - ((Receipt.Timed) receipt).deadlineNs() >= 0)
                .toList();
    }

    /** A transfer has gone from one state to another. */
    void move(Receipt from, Receipt to, long nowNs) {
        if (from == to) {
            return;
        }
        if (!from.session().equals(to.session())) {
            to.session().ifPresent(session -> session.join());
            from.session().ifPresent(session -> session.leave(nowNs));
        }
        failed += (hasFailed(to) ? 1 : 0) - (hasFailed(from) ? 1 : 0);
        if (to instanceof Over over) {
            receipts.remove(over.id());
            tombstones.put(over.id(), over.told(), nowNs);
        } else {
            receipts.put(to.id(), to);
        }
    }

    private static boolean hasFailed(Receipt receipt) {
        return receipt instanceof Failed || receipt instanceof Spoiled;
    }
}
