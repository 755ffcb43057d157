// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Pointer;
import org.junit.jupiter.api.Test;

class KernelArgumentsTest {

    private final KernelArguments arguments = new KernelArguments();

    @Test
    void shouldPointAtEachValueInItsOwnWidth() {
        arguments.add(0x1122334455667788L);
        arguments.add(-7);
        arguments.add(1.5f);
        arguments.add(9L);

        assertThat(arguments.count()).isEqualTo(4);
        assertThat(value(0).getLong(0)).isEqualTo(0x1122334455667788L);
        assertThat(value(1).getInt(0)).isEqualTo(-7);
        assertThat(value(2).getFloat(0)).isEqualTo(1.5f);
        assertThat(value(3).getLong(0)).isEqualTo(9);
    }

    @Test
    void shouldBeginAnewAfterClearing() {
        arguments.add(1);
        arguments.add(2);
        arguments.clear();
        arguments.add(3);

        assertThat(arguments.count()).isEqualTo(1);
        assertThat(value(0).getInt(0)).isEqualTo(3);
    }

    @Test
    void shouldRefuseMoreThanFit() {
        for (int i = 0; i < KernelArguments.MOST; i++) {
            arguments.add(i);
        }
        assertThat(value(KernelArguments.MOST - 1).getInt(0)).isEqualTo(KernelArguments.MOST - 1);
        assertThatThrownBy(() -> arguments.add(1L))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("arguments=65 allowed=64");
    }

    // What the driver does: it follows the array of addresses.
    private Pointer value(int index) {
        return new Pointer(arguments.address()).getPointer((long) index * Long.BYTES);
    }
}
