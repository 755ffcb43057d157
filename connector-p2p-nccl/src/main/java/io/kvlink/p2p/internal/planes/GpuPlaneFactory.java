// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.planes;

import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.plane.DataPlaneFactory;
import io.kvlink.p2p.internal.plane.pull.GpuPlaneConfig;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Opens planes between GPUs, where the engine keeps KV on one.
 *
 * @param name the planes' name
 * @param missing what this machine lacks for them; empty if nothing
 * @param gpu what they work with; empty if the engine keeps KV in host memory
 * @param tryOut throws {@link KvConnectorException} if they can't work here all the same
 * @param opener opens one
 */
record GpuPlaneFactory(
        String name,
        String missing,
        Optional<GpuPlaneConfig> gpu,
        Consumer<GpuPlaneConfig> tryOut,
        Function<GpuPlaneConfig, DataPlane> opener)
        implements DataPlaneFactory {

    @Override
    public Availability availability() {
        if (!missing.isEmpty()) {
            return Availability.missing(missing);
        }
        if (gpu.isEmpty()) {
            return Availability.missing("the engine keeps KV in host memory");
        }
        try {
            tryOut.accept(gpu.get());
            return Availability.usable();
        } catch (KvConnectorException cause) {
            return Availability.missing(String.valueOf(cause.getMessage()));
        }
    }

    @Override
    public DataPlane open() {
        Availability availability = availability();
        if (!availability.ready()) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE, "plane=%s: %s".formatted(name, availability.reason()));
        }
        return opener.apply(gpu.orElseThrow());
    }
}
