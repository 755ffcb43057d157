// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPool;
import io.kvlink.spi.HostPoolConfig;
import io.kvlink.spi.HostPoolProvider;
import java.util.ArrayList;
import java.util.List;

/** Tensor pools that a test looks into. */
final class WatchedPools implements HostPoolProvider {

    private final HostPoolProvider real = new BuddyHostPoolProvider();

    final List<HostPool> pools = new ArrayList<>();

    @Override
    public String name() {
        return real.name();
    }

    @Override
    public int spiVersion() {
        return real.spiVersion();
    }

    @Override
    public Availability availability() {
        return real.availability();
    }

    @Override
    public HostPool create(HostPoolConfig config) {
        pools.add(real.create(config));
        return pools.get(pools.size() - 1);
    }

    long leasedBytes() {
        return pools.stream().mapToLong(HostPool::leasedBytes).sum();
    }

    long reservedBytes() {
        return pools.stream().mapToLong(HostPool::reservedBytes).sum();
    }
}
