// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane;

import io.kvlink.p2p.internal.plane.DataPlane.ReceiveListener;
import io.kvlink.p2p.internal.plane.DataPlane.ReceiveOp;
import io.kvlink.p2p.internal.plane.DataPlane.SendListener;
import io.kvlink.p2p.internal.plane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import java.util.ArrayList;
import java.util.List;

/** Remembers what a plane said, in order, and that nothing ended twice. */
public final class Journal implements SendListener, ReceiveListener {

    private final List<String> events = new ArrayList<>();
    private final List<Object> ended = new ArrayList<>();

    @Override
    public void onSent(SendOp op) {
        end(op, "sent ticket=%d piece=%d".formatted(op.ticket(), op.piece()));
    }

    @Override
    public void onSendFailed(SendOp op, KvError error, String detail) {
        end(op, "send %s ticket=%d piece=%d".formatted(error, op.ticket(), op.piece()));
    }

    @Override
    public void onPieceReceived(ReceiveOp op, int piece) {
        refuseEnded(op);
        events.add("received ticket=%d piece=%d".formatted(op.ticket(), piece));
    }

    @Override
    public void onReceiveFailed(ReceiveOp op, KvError error, String detail) {
        end(op, "receive %s ticket=%d".formatted(error, op.ticket()));
    }

    public List<String> events() {
        return events;
    }

    public boolean has(String event) {
        return events.contains(event);
    }

    private void end(Object op, String event) {
        refuseEnded(op);
        ended.add(op);
        events.add(event);
    }

    private void refuseEnded(Object op) {
        if (ended.stream().anyMatch(each -> each == op)) {
            throw new AssertionError("ended twice: " + op + " after " + events);
        }
    }
}
