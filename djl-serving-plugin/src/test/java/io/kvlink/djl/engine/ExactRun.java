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
import java.util.stream.IntStream;

/**
 * Bits of one sequence's log-probabilities in changing company. A row that is computed again writes
 * the KV that is there already.
 */
public final class ExactRun implements AutoCloseable {
    private static final int[] LENGTHS = {1, 16, 40, 127, 300, 640};
    private static final int STEPS = 3;
    private static final int CHUNK = 64;

    private final Random random = new Random(11);
    private final Decoder decoder;
    private final int vocabulary;

    private ExactRun(Decoder decoder, int vocabulary) {
        this.decoder = decoder;
        this.vocabulary = vocabulary;
    }

    /** Opens a decoder of a shape's model. */
    public static ExactRun open(
            Decoders decoders,
            Path directory,
            ModelShape shape,
            ComputeType type,
            DecodeBatch batch,
            int maxBatch) {
        DecodeSettings settings = new DecodeSettings(batch, maxBatch, 1);
        Decoder decoder =
                decoders.open(
                        shape.checkpoint(),
                        directory,
                        type,
                        settings,
                        (maxBatch + 2) * ModelShape.CONTEXT);
        return new ExactRun(decoder, shape.vocabulary());
    }

    /**
     * Sequences of several lengths alone, and in batches of each size: at any place, beside others
     * of any length.
     */
    public void assertSameInBatchesOfEverySize() {
        List<TokenFeed> others = new ArrayList<>();
        for (int i = 1; i < decoder.maxBatch(); i++) {
            TokenFeed other = feed(1 + random.nextInt(i % 8 == 0 ? 700 : 90), 100 + i);
            other.prefill(other.left() - STEPS, Decoders.PREFILL);
            others.add(other);
        }
        for (int length : LENGTHS) {
            try (TokenFeed feed = feed(length, length)) {
                feed.prefill(length, CHUNK);
                List<SampledToken> alone = steps(feed);
                for (int size = 1; size <= decoder.maxBatch(); size++) {
                    Collections.shuffle(others, random);
                    assertThat(beside(feed, others.subList(0, size - 1)))
                            .as("length=%d rows=%d", length, size)
                            .isEqualTo(alone.get(0));
                }
                feed.row(); // Its KV is that of the last batch.
                assertThat(feed.decode()).as("length=%d", length).isEqualTo(alone.get(1));
            }
        }
        others.forEach(TokenFeed::close);
    }

    /** The next token of a sequence in a batch; the sequences stay where they are. */
    private SampledToken beside(TokenFeed feed, List<TokenFeed> others) {
        List<TokenFeed> rows = new ArrayList<>(others);
        int place = random.nextInt(rows.size() + 1);
        rows.add(place, feed);
        List<SampledToken> picked =
                decoder.decode(rows.stream().map(TokenFeed::row).toList(), LayerHook.NONE).await();
        rows.forEach(row -> row.back(1));
        return picked.get(place);
    }

    private List<SampledToken> steps(TokenFeed feed) {
        List<SampledToken> picked = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
            picked.add(feed.decode());
        }
        feed.back(STEPS);
        return picked;
    }

    /** Picks of sequences whose prompts go in chunks of a size, on whatever blocks. */
    public List<SampledToken> answers(int chunk) {
        ShapeRun.scatter(decoder.memory(), random);
        List<SampledToken> picked = new ArrayList<>();
        for (int length : LENGTHS) {
            try (TokenFeed feed = feed(length, length)) {
                picked.add(feed.prefill(length, chunk));
                picked.addAll(steps(feed));
            }
        }
        return picked;
    }

    /** Picks of the rows of one batch. */
    public List<SampledToken> batch() {
        List<TokenFeed> feeds =
                Arrays.stream(LENGTHS).mapToObj(length -> feed(length, length)).toList();
        List<PromptChunk> chunks =
                IntStream.range(0, LENGTHS.length)
                        .mapToObj(i -> feeds.get(i).chunk(LENGTHS[i], true))
                        .toList();
        List<SampledToken> picked =
                new ArrayList<>(decoder.prefill(chunks, LayerHook.NONE).await());
        for (int step = 0; step < STEPS; step++) {
            List<DecodeRow> rows = feeds.stream().map(TokenFeed::row).toList();
            picked.addAll(decoder.decode(rows, LayerHook.NONE).await());
        }
        feeds.forEach(TokenFeed::close);
        return picked;
    }

    /** A sequence of so many tokens and some steps more; the same seed gives the same. */
    private TokenFeed feed(int length, long seed) {
        int[] tokens = new Random(seed).ints(length + STEPS, 0, vocabulary).toArray();
        return new TokenFeed(decoder, tokens);
    }

    @Override
    public void close() {
        decoder.close();
    }
}
