// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.plane.pull.Closing;
import io.kvlink.spi.KvConnectorException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Other processes' memory as it is mapped here. A handle is mapped once, whoever asks, and unmapped
 * when the last one has let go. Thread-safe: a handshake tries what a transfer will use.
 */
final class IpcMappings implements AutoCloseable {

    private static final class Mapping {
        final long address;
        int users;

        Mapping(long address) {
            this.address = address;
        }
    }

    private static final Logger log = LoggerFactory.getLogger(IpcMappings.class);

    private final Object lock = new Object();
    private final CudaDevice device;
    private final Map<String, Mapping> byHandle = new HashMap<>();

    IpcMappings(CudaDevice device) {
        this.device = device;
    }

    /** Maps a handle, or finds it mapped; throws what {@link CudaDevice#map} throws. */
    long take(byte[] handle) {
        synchronized (lock) {
            String key = HexFormat.of().formatHex(handle);
            Mapping mapping = byHandle.get(key);
            if (mapping == null) {
                mapping = new Mapping(device.map(handle));
                byHandle.put(key, mapping);
            }
            mapping.users++;
            return mapping.address;
        }
    }

    /** Undoes one {@link #take}. */
    void giveBack(byte[] handle) {
        synchronized (lock) {
            String key = HexFormat.of().formatHex(handle);
            Mapping mapping = byHandle.get(key);
            if (mapping != null && --mapping.users == 0) {
                byHandle.remove(key);
                device.unmap(mapping.address);
            }
        }
    }

    /**
     * Like {@link #giveBack}, but logs a failure: what can't be unmapped is lost with its context.
     */
    void giveBackQuietly(byte[] handle) {
        try {
            giveBack(handle);
        } catch (KvConnectorException cause) {
            log.warn("plane=cuda-ipc {}", cause.getMessage());
        }
    }

    @Override
    public void close() {
        Closing closing = new Closing();
        synchronized (lock) {
            for (Mapping mapping : byHandle.values()) {
                closing.run(() -> device.unmap(mapping.address));
            }
            byHandle.clear();
        }
        closing.end();
    }
}
