// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import io.kvlink.spi.HostPort;
import java.util.Optional;

/**
 * An instance as its last heartbeat described it.
 *
 * @param role what it does
 * @param http where it takes requests; instances of one process share it
 * @param zmq its connector's address, which goes into request ids; empty if KV neither comes nor
 *     goes by a route
 * @param epoch changed by each start; within a process, higher for the later one; 0 if it doesn't
 *     say
 * @param process which process it is in; 0 if it doesn't say
 * @param model the model it serves; empty if it doesn't say, which counts as any
 * @param reported what else it says
 */
public record Instance(
        Role role,
        HostPort http,
        Optional<HostPort> zmq,
        long epoch,
        long process,
        String model,
        Reported reported) {

    /**
     * Identity of an instance here: at most one of a key is chosen for requests.
     *
     * @param http where it takes requests
     * @param model the model it serves, or empty
     */
    record Key(HostPort http, String model) {}

    Key key() {
        return new Key(http, model);
    }

    /** True if the other description is of this very instance. */
    public boolean is(Instance other) {
        return role == other.role
                && epoch == other.epoch
                && http.equals(other.http)
                && zmq.equals(other.zmq)
                && model.equals(other.model);
    }

    /** True if requests for that model may go to it. */
    boolean serves(String name) {
        return model.isEmpty() || model.equals(name);
    }

    /** True if it answers whole requests by itself, whatever others there are. */
    boolean servesAlone() {
        return role == Role.DECODE && zmq.isEmpty();
    }

    /** True if KV can go from one of the two to the other. */
    public boolean pairsWith(Instance other) {
        return zmq.isPresent() && other.zmq.isPresent() && reported.sharesProtocol(other.reported);
    }

    /** True if both have the same control address. */
    boolean sharesControl(Instance other) {
        return zmq.isPresent() && zmq.equals(other.zmq);
    }

    /**
     * True if the other is an earlier instance of the same process whose place this one takes. It
     * is the same model's next version, or has the same control address.
     */
    boolean follows(Instance other) {
        return inProcessOf(other)
                && epoch > other.epoch
                && (model.equals(other.model) || sharesControl(other));
    }

    /**
     * True if this one's heartbeat shows that the other is no more. Within a process it never does:
     * models come and go there, take each other's control addresses, and finish their answers.
     */
    public boolean ends(Instance other) {
        if (is(other) || inProcessOf(other)) {
            return false;
        }
        boolean otherProcess = process != 0 && other.process != 0;
        return sharesControl(other)
                || (http.equals(other.http) && (otherProcess || model.equals(other.model)));
    }

    private boolean inProcessOf(Instance other) {
        return process != 0 && process == other.process && http.equals(other.http);
    }
}
