// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.sampling.SampledToken;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** changing company; each token that is picked is compared with the reference. */
public final class ShapeRun {
    private static final int KV_TOKENS = 1 << 14;
    private static final int MOST_ROWS = 65;
    // Tokens of a sequence that are fed as rows of decodes.
    private static final int STEPS = 6;
    // Around the sizes of blocks, tiles and parts.
    private static final int[] LENGTHS = {
        0, 1, 690, 513, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200, 255, 256,
        257, 300, 383, 384, 400, 511, 512, 640
    };

    private final Random random = new Random(5);
    private final Decoder decoder;
    private final KnownText text;
    private final LogprobCheck check;
    private final List<TokenFeed> feeds = new ArrayList<>();

    private ShapeRun(Decoder decoder, KnownText text, double tolerance) {
        this.decoder = decoder;
        this.text = text;
        this.check = new LogprobCheck(tolerance);
    }

    /**
     * Feeds as many sequences as a batch has rows.
     *
     * @param directory for the checkpoint
     * @param tolerance of a log-probability
     */
    public static void assertPicks(
            Decoders decoders,
            Path directory,
            ModelShape shape,
            ComputeType type,
            int maxBatch,
            double tolerance) {
        DecodeSettings settings = new DecodeSettings(DecodeBatch.FAST, maxBatch, 1);
        try (Decoder decoder =
                decoders.open(shape.checkpoint(), directory, type, settings, KV_TOKENS)) {
            ShapeRun run = new ShapeRun(decoder, KnownText.of(shape), tolerance);
            scatter(decoder.memory(), run.random);
            run.open(Math.min(maxBatch, MOST_ROWS));
            run.prefill();
            run.decode();
            run.feeds.forEach(TokenFeed::close);
            assertThat(decoder.memory().usedBlocks()).isZero();
        }
    }

    /** Allocates, grows and releases, so that the next slots' blocks lie here and there. */
    static void scatter(KvMemory memory, Random random) {
        List<KvSlots> held = new ArrayList<>();
        for (int round = 0; round < 300; round++) {
            int at = held.isEmpty() ? 0 : random.nextInt(held.size());
            switch (held.isEmpty() ? 0 : random.nextInt(3)) {
                case 0 -> {
                    KvSlots slots = memory.allocate(1 + random.nextInt(200));
                    if (slots != null) {
                        held.add(slots);
                    }
                }
                case 1 -> {
                    KvSlots slots = held.get(at);
                    KvSlots grown = memory.grow(slots, slots.capacity() + 40, 0);
                    held.set(at, grown == null ? slots : grown);
                }
                default -> held.remove(at).release();
            }
        }
        Collections.shuffle(held, random);
        held.forEach(KvSlots::release);
    }

    private void open(int count) {
        for (int i = 0; i < count; i++) {
            int length = i < LENGTHS.length ? LENGTHS[i] : random.nextInt(120);
            feeds.add(new TokenFeed(decoder, Arrays.copyOf(text.tokens(), length + STEPS)));
        }
    }

    /** Chunks of any size, of one or several sequences in a call. */
    private void prefill() {
        while (feeds.stream().anyMatch(feed -> feed.left() > STEPS)) {
            List<TokenFeed> called = new ArrayList<>();
            List<PromptChunk> chunks = new ArrayList<>();
            int room = random.nextBoolean() ? decoder.maxPrefill() : 1 + random.nextInt(300);
            int most = random.nextBoolean() ? decoder.maxBatch() : 1;
            for (int at : shuffled()) {
                TokenFeed feed = feeds.get(at);
                int prompt = feed.left() - STEPS;
                int count = Math.min(room, random.nextBoolean() ? prompt : prompt / 2 + 1);
                if (prompt > 0 && count > 0 && chunks.size() < most) {
                    chunks.add(feed.chunk(count, count == prompt));
                    called.add(feed);
                    room -= count;
                }
            }
            check(called, decoder.prefill(chunks, LayerHook.NONE).await());
        }
    }

    private void decode() {
        int all = feeds.size();
        for (int rows : new int[] {all, all, all - 1, 48, 33, 17, 16, 9, 8, 7, 6, 5, 4, 3, 2, 1}) {
            if (rows <= all) {
                decode(shuffled().subList(0, rows));
            }
        }
        for (int at = 0; at < all; at += 2) {
            decode(List.of(at));
        }
    }

    private void decode(List<Integer> which) {
        List<TokenFeed> called = which.stream().map(feeds::get).toList();
        called.stream().filter(feed -> feed.left() == 0).forEach(feed -> feed.back(STEPS));
        List<DecodeRow> rows = called.stream().map(TokenFeed::row).toList();
        check(called, decoder.decode(rows, LayerHook.NONE).await());
    }

    private void check(List<TokenFeed> called, List<SampledToken> picked) {
        for (int i = 0; i < called.size(); i++) {
            SampledToken token = picked.get(i);
            int last = called.get(i).position() - 1;
            if (token != null) {
                check.check(
                        token,
                        text.logits()[last],
                        "position=%d row=%d of %d".formatted(last, i, called.size()));
            } else {
                assertThat(called.get(i).left()).isGreaterThan(STEPS);
            }
        }
    }

    private List<Integer> shuffled() {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < feeds.size(); i++) {
            order.add(i);
        }
        Collections.shuffle(order, random);
        return order;
    }
}
