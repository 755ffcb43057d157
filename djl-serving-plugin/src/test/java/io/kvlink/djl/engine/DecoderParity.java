// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.Expected;
import io.kvlink.djl.model.config.ComputeType;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.sampling.SampledToken;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Answers of one decoder to a checkpoint's prompts, compared with those of transformers. */
public final class DecoderParity {
    private static final int KV_TOKENS = 512;
    private static final DecodeSettings SETTINGS = new DecodeSettings(DecodeBatch.FAST, 4, 1);
    private static final int CHUNK = 16;

    private final Decoder decoder;
    private final Expected expected;
    private final LogprobCheck check;

    private DecoderParity(Decoder decoder, Expected expected, double tolerance) {
        this.decoder = decoder;
        this.expected = expected;
        this.check = new LogprobCheck(tolerance);
    }

    /** Specification by which {@link #assertParity} opens a checkpoint. */
    public static DecoderSpec spec(Decoders decoders, String name, ComputeType type) {
        Path folder = Expected.CHECKPOINTS.resolve(name);
        ModelConfig config = ModelConfig.read(folder).computedIn(type);
        return decoders.spec(folder, config, SETTINGS, KV_TOKENS);
    }

    /**
     * Answers each prompt alone, in small chunks and as a whole, and all of them together.
     *
     * @param tolerance of a log-probability
     */
    public static void assertParity(
            Decoders decoders, String name, ComputeType type, double tolerance) {
        DecoderSpec spec = spec(decoders, name, type);
        Expected expected = Expected.read(spec.directory(), spec.model());
        try (Decoder decoder = decoders.factory().open(spec)) {
            DecoderParity parity = new DecoderParity(decoder, expected, tolerance);
            parity.assertAnswers(CHUNK);
            parity.assertAnswers(Decoders.PREFILL);
            parity.assertDecodedTogether();
            parity.assertPrefilledTogether();
            assertThat(decoder.memory().usedBlocks()).isZero();
        }
    }

    private void assertAnswers(int chunk) {
        for (int i = 0; i < expected.prompts().size(); i++) {
            try (TokenFeed feed = feed(i)) {
                SampledToken found = feed.prefill(expected.prompts().get(i).length, chunk);
                for (int step = 0; step < expected.steps(); step++) {
                    check(found, i, step, "chunks of " + chunk);
                    found = feed.decode();
                }
            }
        }
    }

    /** Prompts but for their last tokens; these and the answers are rows of one batch. */
    private void assertDecodedTogether() {
        List<TokenFeed> feeds = feeds();
        for (int i = 0; i < feeds.size(); i++) {
            int before = expected.prompts().get(i).length - 1;
            if (before > 0) {
                feeds.get(i).prefill(before, CHUNK);
            }
        }
        assertSteps(feeds, decode(feeds), "decoded together");
    }

    private void assertPrefilledTogether() {
        List<TokenFeed> feeds = feeds();
        List<PromptChunk> chunks = new ArrayList<>();
        for (int i = 0; i < feeds.size(); i++) {
            chunks.add(feeds.get(i).chunk(expected.prompts().get(i).length, true));
        }
        assertSteps(feeds, decoder.prefill(chunks, LayerHook.NONE).await(), "prefilled together");
    }

    private void assertSteps(List<TokenFeed> feeds, List<SampledToken> first, String how) {
        List<SampledToken> found = first;
        for (int step = 0; step < expected.steps(); step++) {
            for (int i = 0; i < feeds.size(); i++) {
                check(found.get(i), i, step, how);
            }
            found = decode(feeds);
        }
        feeds.forEach(TokenFeed::close);
    }

    private List<SampledToken> decode(List<TokenFeed> feeds) {
        return decoder.decode(feeds.stream().map(TokenFeed::row).toList(), LayerHook.NONE).await();
    }

    private void check(SampledToken found, int prompt, int step, String how) {
        double[] logits = LogprobCheck.doubles(expected.logits().get(prompt)[step]);
        check.check(found, logits, "%s, prompt %d, step %d".formatted(how, prompt, step));
    }

    private List<TokenFeed> feeds() {
        return IntStream.range(0, expected.prompts().size()).mapToObj(this::feed).toList();
    }

    /** The prompt and the answer. */
    private TokenFeed feed(int prompt) {
        return new TokenFeed(
                decoder,
                IntStream.concat(
                                IntStream.of(expected.prompts().get(prompt)),
                                IntStream.of(expected.answers().get(prompt)))
                        .toArray());
    }
}
