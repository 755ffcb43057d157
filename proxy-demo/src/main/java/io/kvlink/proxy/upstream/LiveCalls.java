// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.upstream;

import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.InstanceTable;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Calls that are under way, so that they end when their instance does. Heartbeats prove that
 * somebody still works on an answer, however long it takes. Used from any thread.
 */
public final class LiveCalls {

    private final InstanceTable table;
    // Written by the event loops.
    private final Set<UpstreamCall> calls = ConcurrentHashMap.newKeySet();

    public LiveCalls(InstanceTable table) {
        this.table = table;
    }

    /** A call begins. Its instance may have gone since it was chosen; then it fails at once. */
    void add(UpstreamCall call) {
        // In this order: whoever goes after the look finds the call.
        calls.add(call);
        if (!table.snapshot().has(call.instance())) {
            call.onInstanceGone("it isn't registered any more");
        }
    }

    void remove(UpstreamCall call) {
        calls.remove(call);
    }

    public int count() {
        return calls.size();
    }

    /** An instance is silent for too long. */
    public void onExpired(Instance gone) {
        for (UpstreamCall call : calls) {
            if (call.instance().is(gone)) {
                call.onInstanceGone("no heartbeat came for too long");
            }
        }
    }

    /** An instance has begun, which may show that others are no more. */
    public void onStarted(Instance now) {
        for (UpstreamCall call : calls) {
            if (now.ends(call.instance())) {
                call.onInstanceGone("another process has its address, epoch=" + now.epoch());
            }
        }
    }

    /** The time is over that an instance has had to finish after it left or was replaced. */
    public void onFarewellOver(Instance gone) {
        if (!table.snapshot().has(gone)) {
            for (UpstreamCall call : calls) {
                if (call.instance().is(gone)) {
                    call.onInstanceGone("it has left and hasn't finished");
                }
            }
        }
    }
}
