// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.dataplane.DataPlane;
import io.kvlink.p2p.internal.dataplane.DataPlane.SendListener;
import io.kvlink.p2p.internal.dataplane.DataPlane.SendOp;
import io.kvlink.spi.KvError;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** Hands granted layers to the device thread, and brings its reports to the control thread. */
final class Sends {

    /** Hears, on the control thread, that a layer failed or that none is being read any more. */
    interface Listener {
        void onSendEnded(Outbound transfer, @Nullable KvError error, String detail);
    }

    private final long tokenBytes;
    private final Executor control;
    private final Listener listener;

    Sends(long tokenBytes, Executor control, Listener listener) {
        this.tokenBytes = tokenBytes;
        this.control = control;
        this.listener = listener;
    }

    /** Posts what is saved of a granted transfer and not posted yet, in order. */
    void post(Outbound transfer, Session session) {
        while (transfer.posted < transfer.savedLayers()) {
            int layer = transfer.posted++;
            transfer.onLayerPosted();
            SendOp op =
                    new SendOp(
                            session.endpoint,
                            transfer.ticket,
                            layer,
                            transfer.source(layer),
                            tokenBytes * transfer.tokens(),
                            transfer.after(layer),
                            new Sent(transfer));
            session.device().submit(plane -> send(plane, op));
        }
    }

    // On the device thread. What a plane throws ends the operation, or it would never end.
    private static void send(DataPlane plane, SendOp op) {
        try {
            plane.send(op);
        } catch (RuntimeException defect) {
            op.listener()
                    .onSendFailed(op, KvError.INTERNAL, "plane=" + plane.name() + " " + defect);
        }
    }

    private final class Sent implements SendListener {
        private final Outbound transfer;

        Sent(Outbound transfer) {
            this.transfer = transfer;
        }

        @Override
        public void onSent(SendOp op) {
            transfer.onLayerSent();
            // Waking the control thread for each layer costs more than sending a small one.
            if (transfer.onLayerEnded(op.layer())) {
                control.execute(() -> listener.onSendEnded(transfer, null, ""));
            }
        }

        @Override
        public void onSendFailed(SendOp op, KvError error, String detail) {
            transfer.onLayerEnded(op.layer());
            control.execute(() -> listener.onSendEnded(transfer, error, detail));
        }
    }
}
