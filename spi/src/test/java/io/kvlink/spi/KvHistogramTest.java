// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;

class KvHistogramTest {

    @Test
    void shouldCountEachValueInAllBucketsThatHoldIt() {
        KvHistogram histogram = new KvHistogram(1, 2);
        histogram.observe(0.5);
        histogram.observe(1);
        histogram.observe(1.5);
        histogram.observe(7);
        KvMetric metric = histogram.metric("wait_seconds", "Waits.", Map.of("way", "in"));
        assertThat(metric.kind()).isEqualTo(KvMetric.Kind.HISTOGRAM);
        assertThat(metric.buckets())
                .containsExactly(new KvMetric.Bucket(1, 2), new KvMetric.Bucket(2, 3));
        assertThat(metric.count()).isEqualTo(4);
        assertThat(metric.value()).isEqualTo(10);
    }

    @Test
    void shouldRefuseBoundsThatDoNotGrow() {
        assertThatIllegalArgumentException().isThrownBy(() -> new KvHistogram(1, 1));
    }
}
