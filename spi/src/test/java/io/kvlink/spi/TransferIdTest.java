// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static io.kvlink.spi.ThrowsKv.assertError;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class TransferIdTest {

    @Property
    void everyIdSurvivesItsDigits(
            @ForAll long high, @ForAll long low, @ForAll @IntRange(max = 100) int prompt) {
        TransferId id = new TransferId(high, low, prompt);
        assertThat(id.hex()).matches("[0-9a-f]{32}");
        assertThat(TransferId.parse(id.hex(), prompt)).isEqualTo(id);
        assertThat(id).hasToString(id.hex() + "-" + prompt);
    }

    @Test
    void shouldRefuseAnythingBut32LowerCaseDigits() {
        for (String hex : new String[] {"", "0", "0".repeat(31), "0".repeat(33), "G".repeat(32)}) {
            assertError(KvError.BAD_ROUTE, () -> TransferId.parse(hex, 0))
                    .hasMessage(
                            "BAD_ROUTE(4): transfer=" + hex + "; expected 32 hexadecimal digits");
        }
    }

    @Test
    void shouldRefuseANegativePrompt() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new TransferId(1, 2, -1))
                .withMessage("prompt=-1");
    }

    @Test
    void shouldTellPromptsOfOneRequestApart() {
        assertThat(new TransferId(1, 2, 0)).isNotEqualTo(new TransferId(1, 2, 1));
    }
}
