// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.ranks;

import io.kvlink.p2p.internal.cuda.DeviceKvMemory;
import io.kvlink.p2p.internal.planes.Gpus;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** KV between ranks that share one GPU. */
final class UnequalRanksGpuIT {

    @ParameterizedTest
    @CsvSource({"PUT, 16", "PUT_ASYNC, 16", "PUT_ASYNC, 0", "GET, 16"})
    void shouldHoldWhatOneRankWould(String sendType, int chunk) {
        Gpus.assume(1);
        Instance.Options options =
                new Instance.Options(() -> DeviceKvMemory.of(0), "cuda-ipc", sendType, chunk, 60);
        Shape one = Shape.of(1, 4);
        Shape two = Shape.of(2, 1, 3);
        HandOver.of(one.producer().ranks(6, false), two.ranks(6, false), options, true);
        HandOver.of(two.producer().ranks(6, false), one.ranks(6, false), options, false);
        HandOver.of(one.producer().ranks(1, true), two.ranks(1, true), options, true);
        HandOver.of(one.producer().hybridRanks(), two.hybridRanks(), options, true);
        HandOver.of(two.producer().hybridRanks(), one.hybridRanks(), options, false);
    }
}
