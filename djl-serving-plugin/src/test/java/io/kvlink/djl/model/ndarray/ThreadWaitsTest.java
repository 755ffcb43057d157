// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.ndarray;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import com.sun.jna.NativeLibrary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class ThreadWaitsTest {

    @Test
    @EnabledOnOs(OS.LINUX)
    void shouldLetLibtorchsThreadsSleepUnlessTheOperatorSaysOtherwise() {
        // Java's copy of the environment is what the operator has set.
        String said = System.getenv("OMP_WAIT_POLICY");
        try (NDManager started = TestManagers.cpu()) {
            assertThat(started.getDevice().isGpu()).isFalse();
            assertThat(policyOfTheProcess()).isEqualTo(said == null ? "passive" : said);
        }
    }

    private static String policyOfTheProcess() {
        return NativeLibrary.getProcess()
                .getFunction("getenv")
                .invokeString(new Object[] {"OMP_WAIT_POLICY"}, false);
    }
}
