// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvRequest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class PromptDigestTest {

    @Test
    void shouldKeepItsValuesForEver() {
        // printf '' | sha256sum, and printf '\1\0\0\0\2\0\0\0' | sha256sum
        assertThat(PromptDigest.of(new int[0], 0)).isEqualTo(0xe3b0c44298fc1c14L);
        assertThat(PromptDigest.of(new int[] {1, 2, 3}, 2)).isEqualTo(0x34fb5c825de7ca4aL);
        KvRequest.Builder request = KvRequest.builder("r", new int[] {1, 2});
        assertThat(PromptDigest.of(request.build())).isEqualTo(0x34fb5c825de7ca4aL);
        assertThat(PromptDigest.of(request.salt("tenant").build()))
                .isNotEqualTo(0x34fb5c825de7ca4aL);
    }

    @Property(tries = 200)
    void isTheDigestOfTheLittleEndianIds(@ForAll @Size(max = 3000) int[] tokens)
            throws GeneralSecurityException {
        ByteBuffer bytes = ByteBuffer.allocate(tokens.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(tokens);
        byte[] expected = MessageDigest.getInstance("SHA-256").digest(bytes.array());
        assertThat(PromptDigest.of(tokens, tokens.length))
                .isEqualTo(ByteBuffer.wrap(expected).getLong());
    }

    @Property(tries = 200)
    void onlyTheFirstTokensCount(
            @ForAll @Size(min = 1, max = 50) int[] tokens, @ForAll @IntRange(max = 49) int at) {
        int count = at % tokens.length;
        int[] other = tokens.clone();
        other[count]++;
        assertThat(PromptDigest.of(other, count)).isEqualTo(PromptDigest.of(tokens, count));
        assertThat(PromptDigest.of(other, count + 1))
                .isNotEqualTo(PromptDigest.of(tokens, count + 1));
        assertThat(PromptDigest.of(Arrays.copyOf(tokens, count), count))
                .isEqualTo(PromptDigest.of(tokens, count));
    }

    @Test
    void shouldRefuseMoreTokensThanThereAre() {
        assertThatThrownBy(() -> PromptDigest.of(new int[3], 4))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }
}
