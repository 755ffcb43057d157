// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.pull;

import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import org.jspecify.annotations.Nullable;

/**
 * A piece that is to be sent: how far it has gone, and what its end waits for. The {@link
 * PullSender}'s. Device thread.
 */
public final class PendingSend {
    final SendOp op;
    // Bytes that aren't on the wire yet, and bytes that the receiver has not got.
    long unposted;
    long missing;
    // Moves that are matched, and that the wire hasn't let go of.
    int moving;
    // The engine's GPU has completed it.
    boolean complete;
    // The receiver may pull it whatever happens here: it stays until the receiver says that it
    // doesn't, or the link ends.
    boolean promised;
    // Why it ends when the wire has let go of it; null while it may succeed.
    @Nullable KvError failure;
    String detail = "";

    PendingSend(SendOp op) {
        this.op = op;
        unposted = op.bytes();
        missing = op.bytes();
    }

    public SendOp op() {
        return op;
    }

    boolean pulled() {
        return unposted < op.bytes();
    }
}
