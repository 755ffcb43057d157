// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Each decode instance in turn drains, is away, and comes back, while clients ask on. */
class RollingDrainTest {

    private static final int CLIENTS = 16;
    private static final String BODY = "{\"prompt\":\"a\",\"model\":\"m\",\"stream\":true}";
    private static final String STREAM = "data: one\n\ndata: two\n\ndata: [DONE]\n\n";

    /** Counts something, and lets threads wait for it. */
    private static final class Count {
        private final Object lock = new Object();
        private long value;

        long add(int more) {
            synchronized (lock) {
                value += more;
                lock.notifyAll();
                return value;
            }
        }

        long now() {
            synchronized (lock) {
                return value;
            }
        }

        void awaitAtLeast(long wanted) throws InterruptedException {
            long endNs = System.nanoTime() + Rig.DEADLINE.toNanos();
            synchronized (lock) {
                while (value < wanted) {
                    long leftMs = TimeUnit.NANOSECONDS.toMillis(endNs - System.nanoTime());
                    if (leftMs <= 0) {
                        throw new AssertionError("stays at " + value + " below " + wanted);
                    }
                    lock.wait(leftMs);
                }
            }
        }
    }

    // Of all decode instances: streams that began.
    private final Count begun = new Count();
    // Of each client: answers.
    private final List<Count> answered = new ArrayList<>();
    private final AtomicBoolean stop = new AtomicBoolean();

    /** A decode instance and what it has done. */
    private final class Decode {
        private final FakeInstance fake;
        private final Count began = new Count();
        private final Count ended = new Count();
        private final Count refused = new Count();
        private long starts = 1;

        Decode(Rig rig) throws Exception {
            fake = rig.keep(new FakeInstance(this::stream));
            rig.register("D", fake.address(), says());
        }

        private Map<String, Object> says() {
            return Map.of("model", "m", "process", starts, "epoch", starts);
        }

        /** Goes on until three others have begun, so there is always one that is under way. */
        private void stream(FakeInstance.Talk talk) throws Exception {
            began.add(1);
            talk.head("text/event-stream");
            talk.chunk("data: one\n\n");
            long mine = begun.add(1);
            if (!stop.get()) {
                begun.awaitAtLeast(mine + 3);
            }
            talk.chunk("data: two\n\ndata: [DONE]\n\n");
            talk.end();
            ended.add(1);
        }

        private void drain(Rig rig) throws Exception {
            fake.become(
                    talk -> {
                        talk.answer(503, "Retry-After: 1", "", "draining");
                        refused.add(1);
                    });
            refused.awaitAtLeast(1);
            Map<String, Object> bye = new HashMap<>(says());
            bye.put("bye", true);
            rig.beat("D", fake.address(), bye, "left");
            ended.awaitAtLeast(began.now());
            // Then nobody has a request any more that was on its way here.
            long[] before = answered.stream().mapToLong(Count::now).toArray();
            for (int i = 0; i < CLIENTS; i++) {
                answered.get(i).awaitAtLeast(before[i] + 1);
            }
        }

        /** Makes the instance wait for ever with its next answers. */
        private void beAway() throws Exception {
            fake.become(FakeInstance.Talk::sawDisconnect);
            begun.awaitAtLeast(begun.now() + 2 * CLIENTS);
        }

        private void comeBack(Rig rig) throws Exception {
            starts++;
            fake.become(this::stream);
            rig.beat("D", fake.address(), says(), "added");
            began.awaitAtLeast(began.now() + 2);
        }
    }

    @Test
    void shouldShowNoClientThatInstancesDrain() throws Exception {
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
        try (Rig rig = new Rig()) {
            for (int i = 0; i < 2; i++) {
                rig.prefill(talk -> talk.answer(200, "text/plain", "p"), "m");
            }
            List<Decode> decodes = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                decodes.add(new Decode(rig));
            }
            List<Future<List<String>>> wrong = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                Count answers = new Count();
                answered.add(answers);
                wrong.add(clients.submit(asking(rig, answers)));
            }
            begun.awaitAtLeast(CLIENTS);
            for (Decode each : decodes) {
                each.drain(rig);
                each.beAway();
                each.comeBack(rig);
            }
            stop.set(true);
            begun.add(2 * CLIENTS);
            for (Future<List<String>> each : wrong) {
                assertThat(each.get(20, TimeUnit.SECONDS)).isEmpty();
            }
            assertThat(rig.metric("kvlink_proxy_decode_retries_total")).isGreaterThanOrEqualTo(4);
            assertThat(rig.metric("kvlink_proxy_broken_answers_total")).isZero();
        } finally {
            stop.set(true);
            begun.add(1_000_000);
            clients.shutdownNow();
            assertThat(clients.awaitTermination(20, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** A client; returns what it got that wasn't the whole stream. */
    private Callable<List<String>> asking(Rig rig, Count answers) {
        return () -> {
            List<String> wrong = new ArrayList<>();
            while (!stop.get()) {
                HttpResponse<String> response = rig.post("/v1/completions", BODY);
                answers.add(1);
                if (response.statusCode() != 200 || !response.body().equals(STREAM)) {
                    wrong.add(response.statusCode() + " " + response.body());
                }
            }
            return wrong;
        };
    }
}
