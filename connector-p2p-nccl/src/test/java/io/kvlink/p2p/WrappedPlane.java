// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.plane.DataPlane;

/** A plane that does as another one does, until a test changes something. */
class WrappedPlane implements DataPlane {

    private final DataPlane plane;

    WrappedPlane(DataPlane plane) {
        this.plane = plane;
    }

    @Override
    public String name() {
        return plane.name();
    }

    @Override
    public String endpoint() {
        return plane.endpoint();
    }

    @Override
    public boolean arrivesSoon() {
        return plane.arrivesSoon();
    }

    @Override
    public boolean reaches(String endpoint) {
        return plane.reaches(endpoint);
    }

    @Override
    public void send(SendOp op) {
        plane.send(op);
    }

    @Override
    public void receive(ReceiveOp op) {
        plane.receive(op);
    }

    @Override
    public void cancelSends(String endpoint, long ticket) {
        plane.cancelSends(endpoint, ticket);
    }

    @Override
    public void cancelReceive(long ticket) {
        plane.cancelReceive(ticket);
    }

    @Override
    public void disconnect(String endpoint) {
        plane.disconnect(endpoint);
    }

    @Override
    public int poll(long nowNs) {
        return plane.poll(nowNs);
    }

    @Override
    public void idle(long maxNs) {
        plane.idle(maxNs);
    }

    @Override
    public void wakeup() {
        plane.wakeup();
    }

    @Override
    public void close() {
        plane.close();
    }
}
