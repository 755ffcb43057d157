// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/** Prompts whose KV goes from one instance to another, and is looked at there byte by byte. */
final class HandOver {

    static final int TOKENS = 41;
    static final BlockTable P_BLOCKS =
            BlockTable.ofGroups(
                    List.of(
                            BlockTable.of(7, 3, 12, 5, 9, 1, 30, 2, 14, 20, 22),
                            BlockTable.of(1, 2, 4, 3, 6, 5, 17, 18, 0, 21, 29)));
    // The window has left block 9 behind, and most of block 5.
    private static final BlockTable D_BLOCKS =
            BlockTable.ofGroups(List.of(BlockTable.of(4, 0, 11), BlockTable.of(9, 5, 8)));
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final byte[] ATTACHMENT = {1, 2, 3};

    private HandOver() {}

    static void of(
            List<List<KvLayerGroup>> producers,
            List<List<KvLayerGroup>> consumers,
            Instance.Options options,
            boolean attachment) {
        try (Instance prefill = new Instance("kv_producer", producers, options);
                Instance decode = new Instance("kv_consumer", consumers, options)) {
            // The second one finds the sessions open.
            for (int i = 0; i < 2; i++) {
                of(prefill, decode, request(prefill, decode, attachment));
            }
            prefill.awaitIdle(deadline());
            decode.awaitIdle(deadline());
        }
    }

    static void of(Instance prefill, Instance decode, KvRequest request) {
        decode.add(request);
        push(prefill, request);
        load(decode, request);
        List<TransferOutcome> sent = prefill.sent(deadline());
        assertThat(sent).hasSameSizeAs(prefill.ranks);
        assertThat(sent).allMatch(outcome -> outcome.failure().isEmpty());
        assertThat(sent.stream().mapToLong(TransferOutcome::bytes).sum())
                .as("every consumer's bytes, once")
                .isEqualTo(
                        decode.ranks.stream()
                                .mapToLong(rank -> rank.bytes(tokens(request), TOKENS - 1))
                                .sum());
    }

    /** Computes a prompt and saves it, to its end. */
    static void push(Instance prefill, KvRequest request) {
        prefill.add(request);
        prefill.prefill(request, P_BLOCKS, TOKENS, deadline());
        if (request.attachment()) {
            prefill.ranks.forEach(rank -> rank.connector.scheduler().attach(request, ATTACHMENT));
        }
        prefill.finish(request);
    }

    private static int tokens(KvRequest request) {
        return request.attachment() ? TOKENS : TOKENS - 1;
    }

    /** Loads a prompt that was added, and looks at each byte. */
    static void load(Instance decode, KvRequest request) {
        int tokens = tokens(request);
        assertThat(decode.decide(request, deadline())).isEqualTo(LoadDecision.load(tokens, false));
        for (Rank rank : decode.ranks) {
            assertThat(
                            rank.connector
                                    .scheduler()
                                    .attachment(request)
                                    .map(List::of)
                                    .orElse(List.of()))
                    .usingRecursiveComparison()
                    .isEqualTo(request.attachment() ? List.of(ATTACHMENT) : List.of());
            assertThat(rank.load(request, D_BLOCKS, tokens, deadline()).loaded())
                    .singleElement()
                    .satisfies(
                            outcome -> {
                                assertThat(outcome.id())
                                        .contains(request.route().orElseThrow().id());
                                assertThat(outcome.bytes())
                                        .isEqualTo(rank.bytes(tokens, TOKENS - 1));
                            });
            assertThat(rank.firstWrong(request, D_BLOCKS, tokens)).isEmpty();
        }
        decode.finish(request);
    }

    static KvRequest request(Instance prefill, Instance decode, boolean attachment) {
        Random random = new Random();
        TransferId id = new TransferId(random.nextLong(), random.nextLong(), 0);
        int[] prompt = random.ints(TOKENS, 0, 1000).toArray();
        return KvRequest.builder("r" + id, prompt)
                .route(new TransferRoute(prefill.address(), decode.address(), id))
                .attachment(attachment)
                .build();
    }

    static long deadline() {
        return System.nanoTime() + LIMIT.toNanos();
    }
}
