// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.spi.KvConnectorException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Record of the peers whose memory can be written from here, as handshakes have tried. A peer's
 * handle is tried once, and if it could be mapped it stays mapped until the peer is forgotten.
 * Bounded. Thread-safe: handshakes ask on other threads than the device's.
 */
final class IpcReach {

    private static final Logger log = LoggerFactory.getLogger(IpcReach.class);

    // Handshakes that led to nothing must not keep memory for ever.
    private static final int MOST_TRIED = 256;

    private final CudaDevice device;
    private final IpcMappings mappings;
    // Whether a handshake could map a peer's handle; it is mapped since, if so. By any thread.
    private final Object triedLock = new Object();
    private final Map<String, Boolean> tried = new LinkedHashMap<>();

    IpcReach(CudaDevice device, IpcMappings mappings) {
        this.device = device;
        this.mappings = mappings;
    }

    /** True if a peer can be written to; tries, and remembers. */
    boolean reaches(GpuEndpoint mine, GpuEndpoint peer) {
        if (!mine.sameHost(peer)) {
            return false;
        }
        if (!mine.sameProcess(peer) && peer.handle().length == 0) {
            return true; // It only sends; whether it reaches us it finds out itself.
        }
        try {
            device.attach();
            return mine.sameProcess(peer) ? device.canReach(peer.gpu()) : maps(peer);
        } catch (KvConnectorException cause) {
            log.warn(
                    "plane=cuda-ipc peer={}: {}",
                    peer.channel().socketAddress(),
                    cause.getMessage());
            return false;
        }
    }

    private boolean maps(GpuEndpoint peer) {
        synchronized (triedLock) {
            Boolean known = tried.get(peer.text());
            if (known != null) {
                return known;
            }
            boolean mapped = map(peer);
            tried.put(peer.text(), mapped);
            if (tried.size() > MOST_TRIED) {
                GpuEndpoint.parse(tried.keySet().iterator().next()).ifPresent(this::forget);
            }
            return mapped;
        }
    }

    private boolean map(GpuEndpoint peer) {
        try {
            mappings.take(peer.handle());
            return true;
        } catch (KvConnectorException cause) {
            log.warn(
                    "plane=cuda-ipc peer={} gpu={}: {}; taking the next plane",
                    peer.channel().socketAddress(),
                    peer.gpu(),
                    cause.getMessage());
            return false;
        }
    }

    /** Lets go of what {@link #reaches} took for a peer. */
    void forget(GpuEndpoint peer) {
        synchronized (triedLock) {
            if (Boolean.TRUE.equals(tried.remove(peer.text()))) {
                mappings.giveBackQuietly(peer.handle());
            }
        }
    }
}
