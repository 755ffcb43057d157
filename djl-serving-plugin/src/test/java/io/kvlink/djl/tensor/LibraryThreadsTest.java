// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import io.kvlink.djl.model.ndarray.TestManagers;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class LibraryThreadsTest {

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldSetTheNumberOfTheCallingThreadOnly() throws Exception {
        try (NDManager started = TestManagers.cpu()) {
            assertThat(started.getDevice().isGpu()).isFalse();
            int before = JniUtils.getNumThreads();
            int elsewhere = numberOfAnotherThread();
            try {
                LibraryThreads.use(before + 3);
                assertThat(JniUtils.getNumThreads()).isEqualTo(before + 3);
                assertThat(numberOfAnotherThread()).isEqualTo(elsewhere);
            } finally {
                LibraryThreads.use(before);
            }
            assertThat(JniUtils.getNumThreads()).isEqualTo(before);
        }
    }

    private static int numberOfAnotherThread() throws Exception {
        CompletableFuture<Integer> number = new CompletableFuture<>();
        Thread other = new Thread(() -> number.complete(JniUtils.getNumThreads()), "asks");
        other.setDaemon(true);
        other.start();
        return number.get(30, TimeUnit.SECONDS);
    }
}
