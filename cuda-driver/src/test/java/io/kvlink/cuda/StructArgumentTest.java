// SPDX-License-Identifier: Apache-2.0
package io.kvlink.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Pointer;
import org.junit.jupiter.api.Test;

class StructArgumentTest {

    @Test
    void shouldPointAtItsWords() {
        try (StructArgument argument = new StructArgument(3)) {
            argument.words().put(0, 0x1122334455667788L).put(1, -2).put(2, 3);

            // What the driver does: it follows the only address of the array.
            Pointer struct = new Pointer(argument.address()).getPointer(0);
            assertThat(struct.getLongArray(0, 3)).containsExactly(0x1122334455667788L, -2, 3);
            argument.words().put(2, 4);
            assertThat(struct.getLong(16)).isEqualTo(4);
            assertThat(argument.words().capacity()).isEqualTo(3);
        }
    }
}
