// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.samples.ToyEngine.Answer;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import io.kvlink.store.SharedStoreConnectorProvider;
import io.kvlink.tck.LeakExtension;
import io.kvlink.tck.engine.CheckedConnectorProvider;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The engine of one file obeys the contract over either connector, and answers from loaded KV. */
@ExtendWith(LeakExtension.class)
class ToyEngineTest {

    private static final String P2P = P2pNcclConnectorProvider.NAME;
    private static final String STORE = SharedStoreConnectorProvider.NAME;
    private static final String PROMPT = "The quick brown fox jumps over the lazy dog. ".repeat(3);

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"PUT", "PUT_ASYNC", "GET"})
    void shouldAnswerFromAPeersKvAsIfItHadComputedIt(String sendType) throws Exception {
        CheckedConnectorProvider checked = checked(new P2pNcclConnectorProvider());
        List<Answer> answers = ToyEngine.askBoth(only(checked), P2P, tcp(sendType), PROMPT);
        assertThat(answers.get(1).loaded()).isEqualTo(PROMPT.length() - 1);
        assertAnswers(answers);
        assertObeyed(checked);
    }

    @Test
    void shouldAnswerFromStoredKvAsIfItHadComputedIt() throws Exception {
        CheckedConnectorProvider checked = checked(new SharedStoreConnectorProvider());
        List<Answer> answers = ToyEngine.askBoth(only(checked), STORE, store(), PROMPT);
        assertThat(answers.get(0).loaded()).isZero();
        assertThat(answers.get(1).loaded()).isEqualTo(PROMPT.length() / 16 * 16);
        assertAnswers(answers);
        List<Answer> later = ToyEngine.askBoth(only(checked), STORE, store(), PROMPT);
        assertThat(later.get(1)).isEqualTo(answers.get(1));
        assertObeyed(checked);
    }

    @Test
    void shouldComputeWhatNobodySends() throws Exception {
        CheckedConnectorProvider checked = checked(new P2pNcclConnectorProvider());
        Map<String, Object> extra = Map.of("data_plane", "tcp", "transfer_timeout_s", 1);
        try (ToyEngine gone = new ToyEngine(only(checked), config("kv_producer", extra));
                ToyEngine engine = new ToyEngine(only(checked), config("kv_consumer", extra))) {
            TransferRoute route =
                    new TransferRoute(
                            gone.connector().address().orElseThrow(),
                            engine.connector().address().orElseThrow(),
                            new TransferId(1, 2, 0));
            gone.close();
            Answer answer = engine.answer(PROMPT, Optional.of(route), 20);
            assertThat(answer.loaded()).isZero();
            assertThat(answer.failure()).isIn("PEER_LOST", "DEADLINE");
            assertThat(answer.text()).isEqualTo(alone(20));
            engine.settle();
        }
        assertObeyed(checked);
    }

    @Test
    void shouldBeFoundByNameAsTheReadmeSays() throws Exception {
        KvConnectors installed = KvConnectors.load(ToyEngine.class.getClassLoader());
        List<Answer> answers = ToyEngine.askBoth(installed, P2P, tcp("PUT_ASYNC"), PROMPT);
        assertThat(answers.get(1).failure()).isEmpty();
        assertAnswers(answers);
    }

    private void assertAnswers(List<Answer> answers) throws Exception {
        assertThat(answers.get(1).failure()).isEmpty();
        assertThat(answers.get(1).text()).isEqualTo(alone(20)).startsWith(answers.get(0).text());
    }

    /** Answer of an engine that computes everything itself. */
    private String alone(int tokens) throws Exception {
        KvConnectors connectors = only(new P2pNcclConnectorProvider());
        try (ToyEngine engine = new ToyEngine(connectors, config("kv_both", tcp("PUT")))) {
            return engine.answer(PROMPT, Optional.empty(), tokens).text();
        }
    }

    private static void assertObeyed(CheckedConnectorProvider checked) {
        assertThat(checked.violations()).isEmpty();
        assertThat(checked.unfinished()).isEmpty();
        assertThat(checked.steps()).isPositive();
    }

    private static CheckedConnectorProvider checked(KvConnectorProvider real) {
        return new CheckedConnectorProvider(real);
    }

    private static KvConnectors only(KvConnectorProvider provider) {
        return KvConnectors.of(List.of(provider), List.of(new BuddyHostPoolProvider()));
    }

    private static Map<String, Object> config(String role, Map<String, Object> extra) {
        return ToyEngine.config(P2P, role, extra);
    }

    private static Map<String, Object> tcp(String sendType) {
        return Map.of("data_plane", "tcp", "send_type", sendType);
    }

    private Map<String, Object> store() {
        return Map.of("path", folder.resolve("kv").toString(), "block_tokens", 16);
    }
}
