// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Rules of the handshake. The caller's HELLO names itself and its planes. The called side compares
 * protocol and layout, takes the most wanted plane that reaches the caller, and answers ACCEPT; or
 * REJECT, with the reason. The caller compares layouts too. If the plane doesn't reach from its
 * side, it says HELLO again without that plane. Sends nothing and keeps nothing. Control thread
 * only.
 */
final class Handshake {

    /** Judgement of a HELLO or an ACCEPT. */
    sealed interface Verdict {}

    /**
     * Agreement of both sides.
     *
     * @param device carries the session's bytes
     * @param endpoint the peer's, on that device's plane
     */
    record Fits(DeviceAgent device, String endpoint) implements Verdict {}

    /**
     * Difference of the sides, or no plane that leads from one to the other.
     *
     * @param error which of the two
     * @param detail both values, ours first
     */
    record Misfits(KvError error, String detail) implements Verdict {}

    /**
     * Plane that the peer chose, and that doesn't lead there from here.
     *
     * @param plane its name
     */
    record LeadsNowhere(String plane) implements Verdict {}

    private final Frame.Identity self;
    // By name, the most wanted first.
    private final Map<String, DeviceAgent> devices;

    Handshake(Frame.Identity self, Map<String, DeviceAgent> devices) {
        this.self = self;
        this.devices = devices;
    }

    /** The call, without the planes that turned out to lead nowhere. */
    Frame.Hello hello(Set<String> unreachable) {
        List<Frame.Plane> planes =
                self.planes().stream()
                        .filter(plane -> !unreachable.contains(plane.name()))
                        .toList();
        return new Frame.Hello(
                Frame.PROTOCOL,
                new Frame.Identity(
                        self.engineId(),
                        self.epoch(),
                        self.address(),
                        self.groups(),
                        self.chunkTokens(),
                        planes));
    }

    /** The answer to a call that fits. */
    Frame.Accept accept(DeviceAgent device) {
        return new Frame.Accept(self, device.plane().name());
    }

    /** True if a caller has no plane left to offer. */
    boolean exhausted(Set<String> unreachable) {
        return unreachable.containsAll(devices.keySet());
    }

    /** Judges a call. */
    Verdict judge(Frame.Hello hello) {
        Frame.Identity peer = hello.identity();
        if (hello.protocol() != Frame.PROTOCOL) {
            String detail = "protocol=" + Frame.PROTOCOL + "/" + hello.protocol();
            return new Misfits(KvError.LAYOUT_MISMATCH, detail);
        }
        String difference = firstObstacle(self.groups(), peer.groups());
        if (!difference.isEmpty()) {
            return new Misfits(KvError.LAYOUT_MISMATCH, difference);
        }
        for (DeviceAgent device : devices.values()) {
            String endpoint = endpointOf(peer, device.plane().name());
            if (reaches(device, endpoint)) {
                return new Fits(device, endpoint);
            }
        }
        String detail = "planes=" + names(self) + "/" + names(peer);
        return new Misfits(KvError.NO_COMMON_PLANE, detail);
    }

    /** Judges the answer to a call. */
    Verdict judge(Frame.Accept accept) {
        String difference = firstObstacle(self.groups(), accept.identity().groups());
        if (!difference.isEmpty()) {
            return new Misfits(KvError.LAYOUT_MISMATCH, difference);
        }
        DeviceAgent device = devices.get(accept.plane());
        String endpoint = endpointOf(accept.identity(), accept.plane());
        return device != null && reaches(device, endpoint)
                ? new Fits(device, endpoint)
                : new LeadsNowhere(accept.plane());
    }

    private static String firstObstacle(List<KvLayerGroup> ours, List<KvLayerGroup> theirs) {
        if (ours.size() != theirs.size()) {
            return "groups=" + ours.size() + "/" + theirs.size();
        }
        for (int number = 0; number < ours.size(); number++) {
            KvLayerGroup one = ours.get(number);
            KvLayerGroup other = theirs.get(number);
            String obstacle = one.layout().firstObstacle(other.layout());
            if (obstacle.isEmpty() && one.window() != other.window()) {
                obstacle = "window=" + one.window() + "/" + other.window();
            }
            if (!obstacle.isEmpty()) {
                return ours.size() == 1 ? obstacle : "group=" + number + " " + obstacle;
            }
        }
        return "";
    }

    private static boolean reaches(DeviceAgent device, String endpoint) {
        return !endpoint.isEmpty() && device.plane().reaches(endpoint);
    }

    private static String endpointOf(Frame.Identity peer, String plane) {
        return peer.planes().stream()
                .filter(offered -> offered.name().equals(plane))
                .map(Frame.Plane::endpoint)
                .findFirst()
                .orElse("");
    }

    private static List<String> names(Frame.Identity identity) {
        return identity.planes().stream().map(Frame.Plane::name).toList();
    }
}
