// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.FakeRequest.Ending;
import io.kvlink.tck.limit.WorkerThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Rules 907 to 909: which threads an engine may have, and which calls keep none of them. */
public abstract class ThreadRules extends EngineRules {

    private static final List<String> NEVER_WAIT =
            List.of(
                    "onRequestAdded",
                    "matchedTokens",
                    "onBlocksAllocated",
                    "buildStep",
                    "onStepDone",
                    "onRequestFinished",
                    "startLoad",
                    "pollFinished");
    // Longer than other rules have, and still less than the blocks of an engine.
    private static final int LONG_PROMPT = 720;

    @Test
    final void required_rule907_theHalvesMayBeCalledByAThreadEachAtOnce() {
        List<WorkerThread> threads = new ArrayList<>();
        FakeEngine producer = open(KvRole.PRODUCER, enter -> added(threads, enter));
        FakeEngine consumer = open(KvRole.CONSUMER, enter -> added(threads, enter));
        FakeRequest asked = consumer.add(Optional.empty(), prompt(40));
        asked.held = true;
        threads.get(0).meanwhile(() -> comeAndLeave(producer));
        threads.get(1).meanwhile(() -> consumer.ask(asked, 0));
        for (int i = 0; i < 4; i++) {
            exchange(producer, consumer);
        }
        threads.forEach(thread -> thread.meanwhile(() -> {}));
    }

    private void comeAndLeave(FakeEngine engine) {
        FakeRequest request = engine.add(Optional.empty(), prompt(40));
        request.held = true;
        engine.leave(request);
        engine.forget(request);
    }

    private static WorkerThread added(List<WorkerThread> threads, Runnable enter) {
        WorkerThread thread = new WorkerThread(enter);
        threads.add(thread);
        return thread;
    }

    @Test
    final void required_rule908_enginesMayRunOnThreadsOfTheirOwn() throws Exception {
        List<EngineThread> threads = new ArrayList<>();
        for (KvRole role :
                List.of(KvRole.PRODUCER, KvRole.CONSUMER, KvRole.PRODUCER, KvRole.CONSUMER)) {
            threads.add(new EngineThread(callLimit(), () -> openAnother(role)));
        }
        try {
            for (int i = 0; i < 12; i++) {
                addPair(threads.get(i % 2 * 2), threads.get(i / 2 % 2 * 2 + 1), 130 + 11 * i);
            }
            AtomicInteger busy = new AtomicInteger(threads.size());
            threads.forEach(thread -> thread.start(busy));
            for (EngineThread thread : threads) {
                for (FakeRequest request : thread.ended()) {
                    assertThat(request.ending).as("%s", request).isNotEqualTo(Ending.FAILED);
                }
            }
        } finally {
            for (EngineThread thread : threads) {
                thread.close();
            }
        }
    }

    private void addPair(EngineThread producer, EngineThread consumer, int tokens)
            throws Exception {
        int[] prompt = prompt(tokens);
        Optional<TransferRoute> route =
                supports(KvCapability.PEERS)
                        ? Optional.of(route(producer.engine(), consumer.engine()))
                        : Optional.empty();
        consumer.add(route, prompt);
        producer.add(route, prompt);
    }

    @Test
    final void required_rule909_callsThatMustNotWaitDoNot() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        if (supports(KvCapability.PEERS)) {
            askPeersThatAreGone(producer, consumer);
            askPeersThatStandStill(producer, consumer);
        } else {
            exchange(producer, consumer);
        }
        // One that waits for a peer waits until its deadline.
        Duration limit = transferDeadline().multipliedBy(3).dividedBy(4);
        for (String method : NEVER_WAIT) {
            assertThat(Duration.ofNanos(calls.longestNs(method)))
                    .as("longest time that %s took, which must not wait", method)
                    .isLessThan(limit);
        }
    }

    private void askPeersThatAreGone(FakeEngine producer, FakeEngine consumer) {
        FakeEngine goneProducer = open(KvRole.PRODUCER);
        FakeEngine goneConsumer = open(KvRole.CONSUMER);
        TransferRoute toNobody = route(producer, goneConsumer);
        TransferRoute fromNobody = route(goneProducer, consumer);
        goneProducer.close();
        goneConsumer.close();
        consumer.add(Optional.of(fromNobody), prompt(50));
        FakeRequest source = producer.add(Optional.of(toNobody), prompt(50));
        await("the end of the prefill", source::ended);
    }

    private void askPeersThatStandStill(FakeEngine producer, FakeEngine consumer) {
        Hop hop = hop(producer, consumer, LONG_PROMPT);
        step(consumer);
        await("the end of the prefill", transferDeadline(), hop.source()::ended, producer::step);
        step(consumer);
        awaitEnd(hop);
    }

    private static void step(FakeEngine one) {
        for (int i = 0; i < 20; i++) {
            one.step();
        }
    }
}
