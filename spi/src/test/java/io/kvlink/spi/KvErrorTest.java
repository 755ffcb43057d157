// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class KvErrorTest {

    // Written out a second time on purpose: numbers travel between versions. Add, never change.
    private static final Map<Integer, String> FOR_EVER =
            new TreeMap<>(
                    Map.ofEntries(
                            Map.entry(0, "UNKNOWN"),
                            Map.entry(1, "BAD_CONFIG"),
                            Map.entry(2, "NO_SUCH_CONNECTOR"),
                            Map.entry(3, "DUPLICATE_PROVIDER"),
                            Map.entry(4, "BAD_ROUTE"),
                            Map.entry(5, "UNAVAILABLE"),
                            Map.entry(100, "LAYOUT_MISMATCH"),
                            Map.entry(101, "PROMPT_MISMATCH"),
                            Map.entry(102, "NO_COMMON_PLANE"),
                            Map.entry(103, "TOO_LARGE"),
                            Map.entry(104, "NO_SPACE"),
                            Map.entry(105, "NO_SUCH_TRANSFER"),
                            Map.entry(106, "CANCELLED"),
                            Map.entry(200, "DEADLINE"),
                            Map.entry(201, "PEER_LOST"),
                            Map.entry(202, "PEER_RESTARTED"),
                            Map.entry(203, "MALFORMED_FRAME"),
                            Map.entry(204, "CLOSED"),
                            Map.entry(300, "NATIVE_CALL_FAILED"),
                            Map.entry(301, "INTERNAL")));

    @Test
    void shouldKeepEveryNumber() {
        // Collectors.toMap throws if two errors share a number.
        Map<Integer, String> now =
                Arrays.stream(KvError.values())
                        .collect(Collectors.toMap(KvError::number, KvError::name));
        assertThat(new TreeMap<>(now)).isEqualTo(FOR_EVER);
    }

    @Property
    void everyNumberDecodes(@ForAll int number) {
        KvError error = KvError.ofNumber(number);
        assertThat(error == KvError.UNKNOWN || error.number() == number).isTrue();
    }

    @Test
    void shouldDecodeItsOwnNumbersAndTakeOthersAsUnknown() {
        for (KvError error : KvError.values()) {
            assertThat(KvError.ofNumber(error.number())).isEqualTo(error);
        }
        assertThat(KvError.ofNumber(99)).isEqualTo(KvError.UNKNOWN);
        assertThat(KvError.ofNumber(-1)).isEqualTo(KvError.UNKNOWN);
    }

    @Test
    void shouldPutCodeAndNumberIntoTheMessage() {
        Exception cause = new IllegalStateException("below");
        KvConnectorException exception =
                new KvConnectorException(KvError.PEER_LOST, "peer=a:1; look at its log", cause);
        assertThat(exception).hasMessage("PEER_LOST(201): peer=a:1; look at its log");
        assertThat(exception).hasCause(cause);
        assertThat(exception.error().kind()).isEqualTo(KvError.Kind.EXTERNAL);
    }
}
