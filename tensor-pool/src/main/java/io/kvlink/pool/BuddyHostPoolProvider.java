// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPoolProvider;
import io.kvlink.spi.KvSpi;

/**
 * Makes buddy-allocated pools. With the system property {@code kvlink.pool.track=true}, read when a
 * pool is made, its leases remember where they were taken. Thread-safe.
 */
public final class BuddyHostPoolProvider implements HostPoolProvider {

    static final String TRACK_PROPERTY = "kvlink.pool.track";

    /** Constructor for {@link java.util.ServiceLoader}; does nothing. */
    public BuddyHostPoolProvider() {}

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return "buddy";
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public HostPool create(HostPoolConfig config) {
        return new BuddyHostPool(
                config, HostMemory.source(config), Boolean.getBoolean(TRACK_PROPERTY));
    }
}
