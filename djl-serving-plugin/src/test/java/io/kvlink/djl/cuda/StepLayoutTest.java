// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StepLayoutTest {

    @Test
    void piecesFollowOneAnotherAlignedForTheDevice() {
        StepLayout layout = new StepLayout(64, 33, 2, 5, 7, 9);
        assertThat(layout.partCount(1)).isLessThan(layout.rows());
        assertThat(layout.parts(0)).isEqualTo(layout.rows() + 64 * StepLayout.ROW_BYTES);
        assertThat(layout.parts(1)).isEqualTo(layout.parts(0) + 33 * StepLayout.PART_BYTES);
        assertThat(layout.chunks()).isEqualTo(layout.parts(1) + 33 * StepLayout.PART_BYTES);
        assertThat(layout.tiles()).isEqualTo(layout.chunks() + 5 * StepLayout.CHUNK_BYTES);
        assertThat(layout.pickedRows()).isGreaterThanOrEqualTo(layout.tiles() + 7 * 8);
        assertThat(layout.sampling()).isGreaterThanOrEqualTo(layout.pickedRows() + 9 * 4);
        assertThat(layout.bytes()).isEqualTo(layout.sampling() + 9 * StepLayout.SAMPLING_BYTES);
        for (int offset :
                new int[] {
                    layout.rows(),
                    layout.parts(0),
                    layout.parts(1),
                    layout.chunks(),
                    layout.tiles(),
                    layout.pickedRows(),
                    layout.sampling()
                }) {
            assertThat(offset % 16).isZero();
        }
    }
}
