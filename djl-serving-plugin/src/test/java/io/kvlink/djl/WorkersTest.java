// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.djl.http.FakeGenerator;
import io.kvlink.spi.HostPort;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkersTest {

    private final Workers workers = new Workers();
    private final FakeGenerator first = generator(1);
    private final FakeGenerator second = generator(2);

    @Test
    void shouldAskTheNewestVersionAndFindTheOlderByItsAddress() {
        workers.add(first, version("1"));
        workers.add(second, version("2"));

        assertThat(workers.models()).containsExactly(second);
        assertThat(workers.at(new HostPort("127.0.0.1", 1))).contains(first);
        assertThat(workers.version(new ModelVersion("m", "1"))).contains(first);
        assertThat(workers.version(new ModelVersion("m", "3"))).isEmpty();
        assertThat(first.announced).isFalse();
        assertThat(second.announced).isTrue();
        assertThat(first.closed).isFalse();
    }

    @Test
    void shouldAskTheOlderVersionAgainWhenTheNewerLeaves() {
        workers.add(first, version("1"));
        workers.add(second, version("2"));
        workers.end(second);

        assertThat(workers.models()).containsExactly(first);
        assertThat(first.announced).isTrue();
        assertThat(second.closed).isTrue();
    }

    @Test
    void shouldNotAnnounceAVersionThatDrains() {
        second.drained = new CompletableFuture<>();
        workers.add(first, version("1"));
        workers.add(second, version("2"));
        workers.endLater(second);
        workers.end(first);

        assertThat(first.announced).isFalse();
        assertThat(workers.models()).as("until it is closed").containsExactly(second);
        second.drained.complete(null);
    }

    @Test
    void shouldRefuseANameThatAnotherModelHas() {
        workers.add(first, version("1"));
        for (Optional<ModelVersion> other :
                List.of(
                        version("1"),
                        Optional.<ModelVersion>empty(),
                        Optional.of(new ModelVersion("other", "2")))) {
            assertThatThrownBy(() -> workers.add(second, other))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageStartingWith("model_name=m is taken; ");
        }
        assertThat(workers.models()).containsExactly(first);
    }

    @Test
    void shouldGiveANameFreeThatDrains() {
        first.drained = new CompletableFuture<>();
        workers.add(first, Optional.empty());
        workers.endLater(first);
        workers.add(second, Optional.empty());

        assertThat(workers.models()).containsExactly(second);
        assertThat(first.closed).as("it isn't done").isFalse();
        assertThat(workers.model("m")).isEmpty();
        first.drained.complete(null);
    }

    @Test
    void shouldAskTheNextRegistrationOfAVersionThatDrains() {
        first.drained = new CompletableFuture<>();
        workers.add(first, version("1"));
        workers.endLater(first);
        assertThat(workers.model("m")).as("it says that it drains").contains(first);
        workers.add(second, version("1"));

        assertThat(workers.version(new ModelVersion("m", "1"))).contains(second);
        assertThat(workers.model("m")).contains(second);
        first.drained.complete(null);
    }

    @Test
    void shouldAnswerThatItDrainsUntilItIsClosed() {
        first.drained = new CompletableFuture<>();
        workers.add(first, Optional.empty());
        workers.endLater(first);
        assertThat(workers.models()).containsExactly(first);

        first.drained.complete(null);
        first.awaitClosed();
        workers.end(first);
        assertThat(workers.models()).isEmpty();
    }

    @Test
    void shouldCloseAtOnceWhatHasNothingToDo() {
        first.idle = true;
        workers.add(first, Optional.empty());
        workers.endLater(first);
        assertThat(first.closed).isTrue();
        assertThat(workers.models()).isEmpty();
    }

    @Test
    void shouldCloseWhatDoesNotEndInItsTime() {
        first.drained = new CompletableFuture<>();
        first.drainLimit = Duration.ofMillis(10);
        workers.add(first, Optional.empty());
        workers.end(first);
        assertThat(first.closed).isTrue();
    }

    @Test
    void shouldDrainAllTogetherWhenTheProcessEnds() {
        first.drained = new CompletableFuture<>();
        second.drained = first.drained;
        workers.add(first, version("1"));
        workers.add(second, Optional.of(new ModelVersion("m", "2")));
        Thread exit = new Thread(workers::endAll);
        exit.start();
        second.awaitDraining();
        first.awaitDraining();
        assertThat(first.closed).isFalse();
        first.drained.complete(null);
        first.awaitClosed();
        second.awaitClosed();
    }

    private static Optional<ModelVersion> version(String version) {
        return Optional.of(new ModelVersion("m", version));
    }

    private static FakeGenerator generator(int kvPort) {
        FakeGenerator generator = new FakeGenerator("m");
        generator.kvAddress = Optional.of(new HostPort("127.0.0.1", kvPort));
        return generator;
    }
}
