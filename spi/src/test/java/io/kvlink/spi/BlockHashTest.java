// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class BlockHashTest {

    private static final int[] TOKENS = {5, 6, 7, 8, 9, 10, 11};

    @Test
    void shouldNameWholeBlocksOnly() {
        assertThat(chain(TOKENS, 7)).hasSize(3);
        assertThat(chain(TOKENS, 5)).hasSize(2);
        assertThat(chain(TOKENS, 1)).isEmpty();
    }

    @Test
    void shouldNotDependOnWhatComesBehind() {
        int[] longer = {5, 6, 7, 8, 1, 2, 3, 4};
        assertThat(chain(longer, 8).subList(0, 2)).isEqualTo(chain(TOKENS, 4));
        assertThat(chain(longer, 8).get(2)).isNotEqualTo(chain(TOKENS, 6).get(2));
    }

    @Test
    void shouldDependOnAllThatComesBefore() {
        int[] other = {4, 6, 7, 8};
        assertThat(chain(other, 4).get(1)).isNotEqualTo(chain(TOKENS, 4).get(1));
    }

    @Test
    void shouldDependOnModelSaltAndBlockSize() {
        Set<List<BlockHash>> all = new HashSet<>();
        all.add(BlockHash.chain(TOKENS, 4, 4, "m", ""));
        all.add(BlockHash.chain(TOKENS, 4, 4, "", "m"));
        all.add(BlockHash.chain(TOKENS, 4, 4, "m", "tenant"));
        all.add(BlockHash.chain(TOKENS, 4, 4, "mt", "enant"));
        all.add(BlockHash.chain(TOKENS, 4, 2, "m", ""));
        assertThat(all).hasSize(5);
    }

    /** The value was computed with another program; a change would part all stores from us. */
    @Test
    void shouldStayAsItIsBetweenVersions() {
        assertThat(BlockHash.chain(new int[] {1, 2}, 2, 2, "m", "s"))
                .containsExactly(
                        new BlockHash(
                                "f1c57e2a41d53ed3ab04c1ab6b127a8e273494034563d34cd6dd6c2f89fb84ad"));
    }

    @Test
    void shouldRefuseWhatIsNoHash() {
        assertThatIllegalArgumentException().isThrownBy(() -> new BlockHash("../etc/passwd"));
        assertThatIllegalArgumentException().isThrownBy(() -> chain(TOKENS, 8));
    }

    private static List<BlockHash> chain(int[] tokens, int count) {
        return BlockHash.chain(tokens, count, 2, "m", "");
    }
}
