// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.spi.KvRequest;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Notes every call of a connector that breaks the contract: from another thread, out of order, on a
 * request that isn't there, after the end. Told of each call on its thread.
 */
final class ContractWatch {

    final List<String> violations = new CopyOnWriteArrayList<>();
    private final Set<KvRequest> added = new LinkedHashSet<>();
    private String expected = "buildStep";
    private Thread caller;
    // Written by who closes the connector.
    private volatile boolean closed;

    /** Requests that were added and haven't finished, in their order. */
    Set<KvRequest> added() {
        return added;
    }

    void onAdded(KvRequest request) {
        called("onRequestAdded");
        if (!added.add(request)) {
            violations.add("added twice: " + request.id());
        }
    }

    void onFinished(KvRequest request) {
        on(request, "onRequestFinished");
        added.remove(request);
    }

    void onClosed() {
        closed = true;
    }

    boolean closed() {
        return closed;
    }

    /** A call about a request. */
    void on(KvRequest request, String call) {
        called(call);
        if (!added.contains(request)) {
            violations.add(call + " on a request that isn't there: " + request.id());
        }
    }

    /** A call of a step, after which {@code next} has its turn. */
    void step(String call, String next) {
        called(call);
        if (!call.equals(expected)) {
            violations.add(call + " instead of " + expected);
        }
        expected = next;
    }

    /** Notes any other call. */
    void called(String call) {
        if (caller == null) {
            caller = Thread.currentThread();
        }
        if (caller != Thread.currentThread() || !caller.getName().equals("kv-worker-0")) {
            violations.add(call + " on " + Thread.currentThread());
        }
        if (closed) {
            violations.add(call + " after close");
        }
    }
}
