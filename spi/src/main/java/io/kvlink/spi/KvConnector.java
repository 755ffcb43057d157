// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A connector at work for one model instance. One thread each may use {@link #scheduler} and {@link
 * #worker}, or one thread may use both. Any thread may call the other methods.
 */
public interface KvConnector extends AutoCloseable {

    /** The half for the engine's scheduler; always the same object. */
    KvScheduler scheduler();

    /** The half for the engine's worker; always the same object. */
    KvWorker worker();

    /** Abilities of this connector; always the same. */
    Set<KvCapability> capabilities();

    /**
     * Address at which peers reach this instance, as it appears in a route. Only a connector with
     * {@link KvCapability#PEERS} has one. All ranks of an instance have one route, which names rank
     * 0: rank r of a peer is found at its port plus r.
     */
    Optional<HostPort> address();

    /**
     * Name and version of what this connector and its peers say to each other, as {@code
     * name/version}; always the same. One that speaks several puts commas between them. Only
     * instances that share one are meant for a request. Empty without {@link KvCapability#PEERS}; a
     * connector with peers that says nothing speaks what is named like itself.
     */
    default String protocol() {
        return "";
    }

    /** Memory, transfers and sessions that the connector holds now. */
    KvLedger ledger();

    /** The figures now. */
    List<KvMetric> metrics();

    /**
     * Changes of what can be loaded here, since the last call and in their order. A connector
     * without {@link KvCapability#KV_EVENTS} tells none. One that isn't asked for long forgets the
     * oldest.
     */
    default List<KvEvent> takeEvents() {
        return List.of();
    }

    /**
     * Tells whether the connector still works; if not, the reason, for instance a thread that ended
     * or stands still. Never waits. A connector that isn't usable needs a restart.
     */
    default Availability health() {
        return Availability.usable();
    }

    /**
     * Ends every transfer as failed, tells the peers, frees all memory and joins all threads,
     * within a bounded time. Closing twice does nothing. The engine stops calling the halves
     * before.
     */
    @Override
    void close();
}
