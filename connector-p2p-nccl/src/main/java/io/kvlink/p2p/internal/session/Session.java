// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.ControlTransport.Link;
import io.kvlink.p2p.internal.control.Frame.Identity;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A conversation with one start of one peer. Control thread only. */
public final class Session {

    enum State {
        /** HELLO is out. */
        DIALLING,
        /** Both sides agreed. */
        OPEN,
        /** Over; nothing goes through it any more. */
        ENDED
    }

    final Link link;
    private final HostPort address;
    final boolean dialled;

    State state = State.DIALLING;
    @Nullable Identity peer;
    // The device that carries this session's bytes; set when the session opens.
    @Nullable DeviceAgent device;
    private String endpoint = "";
    // Planes that the peer has, but that don't lead to it from here.
    final Set<String> unreachable = new HashSet<>();
    final long dialledNs;
    // Ended because nobody answered.
    boolean unanswered;
    long lastHeardNs;
    long lastSentNs;
    long lastHelloNs;
    long lastUsedNs;
    // Transfers that use the session.
    int transfers;

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

    /** True if both sides agreed, and it isn't over. */
    public boolean open() {
        return state == State.OPEN;
    }

    /** The address that was dialled, or that the caller names as its own. */
    public HostPort address() {
        return address;
    }

    /** The peer's own address; empty until the session opens. */
    public Optional<HostPort> peerAddress() {
        return Optional.ofNullable(peer).map(Identity::address);
    }

    /** The instance that the peer is a rank of. Only of a session that has opened. */
    public HostPort instance() {
        return identity().instance();
    }

    /** True if it is open to a rank of an instance, or was dialled by the instance's address. */
    public boolean with(HostPort instance) {
        return open() && (instance().equals(instance) || dialledTo(instance));
    }

    /** Groups of the peer's layers. Only of a session that has opened. */
    public List<KvLayerGroup> peerGroups() {
        return identity().groups();
    }

    /** Number of the peer in its instance. Only of a session that has opened. */
    public int peerRank() {
        return identity().rank();
    }

    /** Start of the peer; a later one is greater. Only of a session that has opened. */
    long epoch() {
        return identity().epoch();
    }

    private Identity identity() {
        if (peer == null) {
            throw new IllegalStateException("no peer yet: " + this);
        }
        return peer;
    }

    /** The peer's endpoint on the session's plane; empty until the session opens. */
    public String endpoint() {
        return endpoint;
    }

    /** The name of the session's plane; empty until the session opens. */
    public String planeName() {
        return device == null ? "" : device.plane().name();
    }

    /** Number of transfers that use it. */
    public int transfers() {
        return transfers;
    }

    /** True if this side opened it, to that address. */
    public boolean dialledTo(HostPort where) {
        return dialled && address.equals(where);
    }

    /**
     * True if another call may reach the peer, for somebody who has wanted it since then. The peer
     * may have restarted after both sides had agreed, or it didn't answer an older caller.
     */
    public boolean worthDiallingAgain(long sinceNs) {
        return (dialled && peer != null) || unansweredBefore(sinceNs);
    }

    /** True if it ended because nobody answered, and was dialled before that time. */
    public boolean unansweredBefore(long sinceNs) {
        return unanswered && dialledNs - sinceNs < 0;
    }

    /** True if the other session is with the same start of the same peer. */
    public boolean samePeer(Session other) {
        return peer != null
                && other.peer != null
                && peer.address().equals(other.peer.address())
                && peer.epoch() == other.peer.epoch();
    }

    /** Lets the session's bytes go through a device from now on. */
    void use(DeviceAgent by, String peerEndpoint) {
        device = by;
        endpoint = peerEndpoint;
    }

    /** One more transfer uses it. */
    public void join() {
        transfers++;
    }

    /** A transfer no longer uses it. */
    public void leave(long nowNs) {
        transfers--;
        lastUsedNs = nowNs;
    }

    /** Tokens that the peer computes at once; 0 if prompts as a whole. */
    public int chunkTokens() {
        return peer == null ? 0 : peer.chunkTokens();
    }

    /** The device that carries this session's bytes. Only of a session that has opened. */
    public DeviceAgent device() {
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
