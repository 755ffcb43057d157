// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.kvlink.spi.HostPort;

/**
 * An instance as its last heartbeat described it.
 *
 * @param role what it does
 * @param http where it takes requests; the instance's identity here
 * @param zmq its control address, which goes into request ids
 * @param epoch which process it is, changed by a restart; 0 if it doesn't say
 * @param model the model it serves; empty if it doesn't say
 * @param load how busy it says it is; 0 if it doesn't say
 * @param capacity how much it says it can take; 0 if it doesn't say
 */
record Instance(
        Role role,
        HostPort http,
        HostPort zmq,
        long epoch,
        String model,
        double load,
        double capacity) {

    /** True if the other description is of this very process. */
    boolean sameProcess(Instance other) {
        return role == other.role
                && epoch == other.epoch
                && http.equals(other.http)
                && zmq.equals(other.zmq);
    }
}
