// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import io.kvlink.djl.engine.DecodeBatch;
import io.kvlink.djl.model.TinyCheckpoint;
import io.kvlink.djl.model.config.ModelConfig;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepThreadsTest {

    @ParameterizedTest
    @CsvSource({"2,1,1", "2,2,1", "16,1,16", "16,2,8", "16,4,4", "3,4,1"})
    void shouldShareTheThreadsOutAmongTheParts(int all, int parts, int share) {
        assertThat(new StepThreads(true, all).share(parts)).isEqualTo(share);
        assertThat(new StepThreads(false, all).share(parts)).isEqualTo(all);
    }

    @Test
    void shouldCutAStepOnlyWhereNoProductHasSeveralThreads() {
        assertThat(new StepThreads(true, 4).lanes(3)).isEqualTo(3);
        assertThat(new StepThreads(false, 1).lanes(3)).isEqualTo(3);
        assertThat(new StepThreads(false, 4).lanes(3)).isEqualTo(1);
    }

    @Test
    void shouldShareNothingWhereBitsCountOrProductsAreLarge() {
        try (NDManager started = TestManagers.cpu()) {
            assertThat(started.getDevice().isGpu()).isFalse();
            assertThat(StepThreads.of(small(), DecodeBatch.EXACT, 4).shared()).isFalse();
            assertThat(StepThreads.of(small(), DecodeBatch.FAST, 1).shared()).isFalse();
            assertThat(StepThreads.of(model(4096, 4096), DecodeBatch.FAST, 4).shared()).isFalse();
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldComputeOnItsShareAndLeaveAllBehind() throws Exception {
        try (NDManager started = TestManagers.cpu()) {
            assertThat(started.getDevice().isGpu()).isFalse();
            StepThreads threads = StepThreads.of(small(), DecodeBatch.FAST, 6);
            assertThat(threads.shared()).isTrue();
            assertThat(onANewThread(() -> threads.step(3, JniUtils::getNumThreads))).isEqualTo(2);
            assertThat(
                            onANewThread(
                                    () -> {
                                        int share = threads.step(2, JniUtils::getNumThreads);
                                        return List.of(share, JniUtils.getNumThreads());
                                    }))
                    .isEqualTo(List.of(3, 6));
        }
    }

    private static ModelConfig small() {
        return model(96, 64);
    }

    private static ModelConfig model(int intermediate, int hidden) {
        String tiny =
                TinyCheckpoint.random(new TinyCheckpoint.Shape(64, 96, 3, 4, 2, 16, true), 1)
                        .configJson();
        return ModelConfig.parse(
                tiny.replaceAll(
                                "\"intermediate_size\": *96",
                                "\"intermediate_size\":" + intermediate)
                        .replaceAll("\"hidden_size\": *64", "\"hidden_size\":" + hidden),
                null);
    }

    private static <T> T onANewThread(Supplier<T> work) throws Exception {
        CompletableFuture<T> found = new CompletableFuture<>();
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                found.complete(work.get());
                            } catch (RuntimeException | Error cause) {
                                found.completeExceptionally(cause);
                            }
                        },
                        "computes");
        thread.setDaemon(true);
        thread.start();
        return found.get(30, TimeUnit.SECONDS);
    }
}
