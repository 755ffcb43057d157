// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.CudaEvent;
import io.kvlink.p2p.internal.send.SavePoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A device's events, used again and again. Taken by the engine's thread, given back by any: making
 * one for each layer would cost more than recording it.
 */
final class EventPool {

    private final CudaDevice device;
    private final Queue<Point> free = new ConcurrentLinkedQueue<>();
    // The engine's thread's own, and the closing one's after it.
    private final List<Point> all = new ArrayList<>();

    EventPool(CudaDevice device) {
        this.device = device;
    }

    /** A point with one user, the caller. */
    Point take() {
        Point point = free.poll();
        if (point == null) {
            point = new Point(device.newEvent());
            all.add(point);
        }
        point.users.set(1);
        return point;
    }

    /** Closes all events, also those in use. */
    void close() {
        for (Point point : all) {
            point.event.close();
        }
        all.clear();
        free.clear();
    }

    /** An event that goes back to the pool when its last user has released it. */
    final class Point implements SavePoint {
        private final CudaEvent event;
        private final AtomicInteger users = new AtomicInteger();

        Point(CudaEvent event) {
            this.event = event;
        }

        /** One more uses it. */
        Point retain() {
            users.incrementAndGet();
            return this;
        }

        @Override
        public CudaEvent event() {
            return event;
        }

        @Override
        public void release() {
            if (users.decrementAndGet() == 0) {
                free.add(this);
            }
        }
    }
}
