// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostPort;
import java.util.HexFormat;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeartbeatCodecTest {

    private static final String HTTP = "10.0.1.2:20001";
    private static final String ZMQ = "10.0.1.2:21001";

    @Test
    void shouldReadTheReferencesBytes() {
        // msgpack.dumps({"type": "P", "http_address": "10.0.1.2:20001", "zmq_address": ...})
        byte[] frame =
                HexFormat.of()
                        .parseHex(
                                "83a474797065a150ac687474705f61646472657373ae31302e302e312e323a3230303031"
                                        + "ab7a6d715f61646472657373ae31302e302e312e323a3231303031");
        assertThat(HeartbeatCodec.decode(frame))
                .isEqualTo(
                        new Heartbeat(
                                new Instance(
                                        Role.PREFILL,
                                        new HostPort("10.0.1.2", 20001),
                                        new HostPort("10.0.1.2", 21001),
                                        0,
                                        0,
                                        "",
                                        0,
                                        0),
                                false));
    }

    @Test
    void shouldReadOurExtraFieldsAndSkipUnknownOnes() {
        byte[] frame =
                Beats.map(
                        "D",
                        HTTP,
                        ZMQ,
                        Map.of(
                                "epoch",
                                Long.MIN_VALUE,
                                "process",
                                Long.MAX_VALUE,
                                "model",
                                "m",
                                "load",
                                2L,
                                "capacity",
                                8.5,
                                "bye",
                                true,
                                "other",
                                "x"));
        Heartbeat heartbeat = (Heartbeat) HeartbeatCodec.decode(frame);
        assertThat(heartbeat.bye()).isTrue();
        assertThat(heartbeat.instance().epoch()).isEqualTo(Long.MIN_VALUE);
        assertThat(heartbeat.instance().process()).isEqualTo(Long.MAX_VALUE);
        assertThat(heartbeat.instance().model()).isEqualTo("m");
        assertThat(heartbeat.instance().load()).isEqualTo(2);
        assertThat(heartbeat.instance().capacity()).isEqualTo(8.5);
    }

    @ParameterizedTest
    @CsvSource({
        "c0, not_a_map",
        "'', not_a_map",
        "80, missing_type",
        "81a474797065a158, bad_type",
        "81a47479706501, bad_type",
        "81a474797065a150, missing_http_address",
        "82a474797065a150ac687474705f61646472657373a178, bad_http_address",
        "82a474797065a150a474797065a150, duplicate_field",
        "810101, bad_key",
        "df7fffffff, too_many_fields",
        "81dbffffffff, not_messagepack",
        "81db7fffffff, bad_key",
        "83a4, not_messagepack",
        "8000, trailing_bytes",
        "81a565706f6368cfffffffffffffffff, bad_epoch",
        "81a770726f63657373cfffffffffffffffff, bad_process",
        "81a770726f63657373a131, bad_process",
        "81a46c6f6164c1, not_messagepack"
    })
    void shouldNameWhatIsWrong(String hex, String kind) {
        assertThat(HeartbeatCodec.decode(HexFormat.of().parseHex(hex)))
                .isInstanceOfSatisfying(
                        HeartbeatCodec.Refused.class,
                        refused -> assertThat(refused.kind()).isEqualTo(kind));
    }

    @Test
    void shouldRefuseAModelThatWouldWriteLogLines() {
        for (String model : new String[] {"a\nb", "\r", "\u0000", "\u0085"}) {
            assertThat(HeartbeatCodec.decode(Beats.map("P", HTTP, ZMQ, Map.of("model", model))))
                    .isEqualTo(
                            new HeartbeatCodec.Refused(
                                    "bad_model", "model=a control character; expected none"));
        }
        assertThat(HeartbeatCodec.decode(Beats.map("P", HTTP, ZMQ, Map.of("model", "org/é b"))))
                .isInstanceOf(Heartbeat.class);
    }

    @Test
    void shouldRefuseNumbersThatAreNoLoad() {
        for (double load : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThat(HeartbeatCodec.decode(Beats.map("P", HTTP, ZMQ, Map.of("load", load))))
                    .isInstanceOfSatisfying(
                            HeartbeatCodec.Refused.class,
                            refused -> assertThat(refused.kind()).isEqualTo("bad_load"));
        }
    }

    @Test
    void shouldRefuseFramesOverTheLimit() {
        assertThat(HeartbeatCodec.decode(new byte[HeartbeatCodec.MAX_BYTES + 1]))
                .isInstanceOf(HeartbeatCodec.Refused.class);
    }

    @Property
    void noBytesMakeDecodeThrow(@ForAll byte[] bytes) {
        assertThat(HeartbeatCodec.decode(bytes)).isNotNull();
    }

    @Property
    void noChangedByteMakesDecodeThrow(
            @ForAll @IntRange(min = 0, max = 100) int at, @ForAll byte value) {
        byte[] frame = Beats.map("P", HTTP, ZMQ, Map.of("epoch", 7L, "load", 0.5, "bye", false));
        frame[at % frame.length] = value;
        assertThat(HeartbeatCodec.decode(frame)).isNotNull();
    }
}
