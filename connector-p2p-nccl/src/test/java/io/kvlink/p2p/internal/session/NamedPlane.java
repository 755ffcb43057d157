// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import io.kvlink.p2p.internal.plane.DataPlane;

/** Leads to all planes of its name, or to none. */
record NamedPlane(String name, boolean leads) implements DataPlane {
    @Override
    public String endpoint() {
        return name;
    }

    @Override
    public boolean arrivesSoon() {
        return false;
    }

    @Override
    public boolean reaches(String endpoint) {
        return leads && endpoint.startsWith(name);
    }

    @Override
    public void send(SendOp op) {}

    @Override
    public void receive(ReceiveOp op) {}

    @Override
    public void cancelSends(String endpoint, long ticket) {}

    @Override
    public void cancelReceive(long ticket) {}

    @Override
    public void disconnect(String endpoint) {}

    @Override
    public int poll(long nowNs) {
        return 0;
    }

    @Override
    public void idle(long maxNs) {}

    @Override
    public void wakeup() {}

    @Override
    public void close() {}
}
