// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockOwnership;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.WorkerReport;
import io.kvlink.tck.FakeRequest.Ending;
import io.kvlink.tck.FakeRequest.State;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Requests of a fake engine, by their ids: how they end, and when their blocks are free. Called by
 * the engine's thread.
 */
final class RequestTable {

    private final EngineKv kv;
    private final KvScheduler scheduler;
    private final Map<String, FakeRequest> requests = new LinkedHashMap<>();

    RequestTable(EngineKv kv, KvScheduler scheduler) {
        this.kv = kv;
        this.scheduler = scheduler;
    }

    void add(FakeRequest request) {
        requests.put(request.kv.id(), request);
    }

    List<FakeRequest> all() {
        return List.copyOf(requests.values());
    }

    FakeRequest of(String id) {
        FakeRequest request = requests.get(id);
        if (request == null) {
            throw new AssertionError("the connector reports a request it never got: " + id);
        }
        return request;
    }

    void onLoadsAt(LoadMoment moment) {
        requests.values().forEach(request -> request.onLoadAt(moment));
    }

    void forget(FakeRequest request) {
        if (!request.ended() || !request.released) {
            throw new AssertionError("still in use: " + request);
        }
        requests.remove(request.kv.id());
    }

    void apply(WorkerReport report) {
        for (TransferOutcome outcome : report.sent()) {
            onReported(of(outcome.requestId()).sent, outcome);
        }
        for (TransferOutcome outcome : report.loaded()) {
            FakeRequest request = onReported(of(outcome.requestId()).loaded, outcome);
            if (request.state == State.LOADING) {
                request.computed += request.loading;
                request.state = State.RUNNING;
                kv.onLoaded(request);
            }
        }
        for (TransferOutcome outcome : report.failedLoads()) {
            FakeRequest request = onReported(of(outcome.requestId()).failedLoads, outcome);
            if (!request.ended()) {
                end(request, Ending.FAILED);
            }
        }
    }

    private FakeRequest onReported(List<TransferOutcome> outcomes, TransferOutcome outcome) {
        outcomes.add(outcome);
        FakeRequest request = of(outcome.requestId());
        if (request.connectorOwns) {
            request.connectorOwns = false;
            release(request);
        }
        return request;
    }

    void end(FakeRequest request, Ending ending) {
        end(request, ending, scheduler.onRequestFinished(request.kv));
    }

    void preempt(FakeRequest request) {
        end(request, Ending.LEFT, scheduler.onRequestPreempted(request.kv));
    }

    private void end(FakeRequest request, Ending ending, BlockOwnership ownership) {
        request.state = State.ENDED;
        request.ending = ending;
        if (ownership == BlockOwnership.FREE_NOW) {
            release(request);
        } else {
            request.connectorOwns = true;
        }
    }

    private void release(FakeRequest request) {
        if (!request.released) {
            request.released = true;
            kv.release(request);
        }
    }
}
