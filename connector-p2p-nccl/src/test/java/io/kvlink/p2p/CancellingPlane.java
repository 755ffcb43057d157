// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.spi.KvError;

/** A plane that gives up each receive once two of its layers are here. */
final class CancellingPlane extends WrappedPlane {

    CancellingPlane(DataPlane plane) {
        super(plane);
    }

    @Override
    public void receive(ReceiveOp op) {
        super.receive(
                new ReceiveOp(
                        op.endpoint(),
                        op.ticket(),
                        op.firstPiece(),
                        op.destinations(),
                        new ReceiveListener() {
                            private int layers;

                            @Override
                            public void onPieceReceived(ReceiveOp same, int layer) {
                                layers++;
                                if (layers <= 2) {
                                    op.listener().onPieceReceived(op, layer);
                                }
                                if (layers == 2) {
                                    cancelReceive(op.ticket());
                                }
                                if (layers == op.destinations().size()) {
                                    op.listener().onReceiveFailed(op, KvError.CANCELLED, "late");
                                }
                            }

                            @Override
                            public void onReceiveFailed(
                                    ReceiveOp same, KvError error, String detail) {
                                op.listener().onReceiveFailed(op, error, detail);
                            }
                        }));
    }
}
