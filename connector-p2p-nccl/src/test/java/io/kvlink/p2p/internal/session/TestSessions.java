// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import java.util.List;

/** Sessions without a transport. */
public final class TestSessions {

    private static final KvLayout LAYOUT = KvLayout.single("m", 4, 1, 2, DType.I8, 4);

    private record NoLink(HostPort peer, long epoch, boolean dialled)
            implements ControlTransport.Link {}

    private TestSessions() {}

    /** A session that ended because nobody answered a call of time 0. */
    public static Session unanswered(HostPort peer) {
        Session session = new Session(new NoLink(peer, 0, true), peer, true, 0);
        session.unanswered = true;
        session.state = Session.State.ENDED;
        return session;
    }

    /** A session with one start of a peer, dialled by this side or by the peer. */
    public static Session open(HostPort peer, long epoch, boolean dialled) {
        Session session = new Session(new NoLink(peer, epoch, dialled), peer, dialled, 0);
        session.peer =
                new Frame.Identity(
                        "e", epoch, peer, List.of(KvLayerGroup.all(LAYOUT)), 0, List.of());
        session.use(new DeviceAgent(new NamedPlane("sim", true)), "sim@" + peer);
        session.state = Session.State.OPEN;
        return session;
    }
}
