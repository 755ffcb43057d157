// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.p2p.internal.control.ControlTransport.Link;
import io.kvlink.p2p.internal.control.Frame.Identity;
import io.kvlink.spi.HostPort;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A conversation with one start of one peer. Control thread only. */
final class Session {

    enum State {
        /** HELLO is out. */
        DIALLING,
        /** Both sides agreed. */
        OPEN,
        /** Over; nothing goes through it any more. */
        ENDED
    }

    final Link link;
    final HostPort address;
    final boolean dialled;

    State state = State.DIALLING;
    @Nullable Identity peer;
    // The device that carries this session's bytes; set when the session opens.
    @Nullable DeviceAgent device;
    String endpoint = "";
    // Planes that the peer has, but that don't lead to it from here.
    final Set<String> unreachable = new HashSet<>();
    long dialledNs;
    long lastHeardNs;
    long lastSentNs;
    long lastHelloNs;
    long lastUsedNs;
    // Transfers that use the session.
    int transfers;
    // Standing grants that went out through it.
    int standing;

    Session(Link link, HostPort address, boolean dialled, long nowNs) {
        this.link = link;
        this.address = address;
        this.dialled = dialled;
        dialledNs = nowNs;
        lastHeardNs = nowNs;
        lastSentNs = nowNs;
        lastHelloNs = nowNs;
        lastUsedNs = nowNs;
    }

    boolean open() {
        return state == State.OPEN;
    }

    /** True if it ended after both sides had agreed: another call may reach a restarted peer. */
    boolean worthDiallingAgain() {
        return dialled && peer != null;
    }

    /** True if the other session is with the same start of the same peer. */
    boolean samePeer(Session other) {
        return peer != null
                && other.peer != null
                && peer.address().equals(other.peer.address())
                && peer.epoch() == other.peer.epoch();
    }

    /** A transfer no longer uses it. */
    void leave(long nowNs) {
        transfers--;
        lastUsedNs = nowNs;
    }

    /** In what chunks the peer computes prompts, in tokens; 0 if as a whole. */
    int chunkTokens() {
        return peer == null ? 0 : peer.chunkTokens();
    }

    DeviceAgent device() {
        if (device == null) {
            throw new IllegalStateException("no device yet: " + this);
        }
        return device;
    }

    @Override
    public String toString() {
        return "peer="
                + address
                + (peer == null ? "" : " engine=" + peer.engineId() + " epoch=" + peer.epoch())
                + " state="
                + state;
    }
}
