// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.spi.HostPort;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
                                        Optional.of(new HostPort("10.0.1.2", 21001)),
                                        0,
                                        0,
                                        "",
                                        Reported.NOTHING),
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
                                "queue",
                                2L,
                                "bye",
                                true,
                                "other",
                                "x"));
        Heartbeat heartbeat = (Heartbeat) HeartbeatCodec.decode(frame);
        assertThat(heartbeat.bye()).isTrue();
        assertThat(heartbeat.instance().epoch()).isEqualTo(Long.MIN_VALUE);
        assertThat(heartbeat.instance().process()).isEqualTo(Long.MAX_VALUE);
        assertThat(heartbeat.instance().model()).isEqualTo("m");
        assertThat(heartbeat.instance().reported().queue()).isEqualTo(2);
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
        "81a57175657565c1, not_messagepack"
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
    void shouldRefuseNumbersBelowZero() {
        for (String field : new String[] {"queue", "running", "free_kv_tokens"}) {
            assertThat(HeartbeatCodec.decode(Beats.map("P", HTTP, ZMQ, Map.of(field, -1L))))
                    .isEqualTo(
                            new HeartbeatCodec.Refused(
                                    "bad_" + field, field + "=-1; expected 0 or more"));
        }
    }

    @Test
    void shouldReadWhatAWorkerSays() {
        byte[] frame =
                Beats.map(
                        "D",
                        HTTP,
                        ZMQ,
                        Map.of(
                                "role",
                                "kv_consumer",
                                "version",
                                "0.2.0",
                                "kv_protocol",
                                "Any/3",
                                "capabilities",
                                List.of("peers", "push"),
                                "queue",
                                1L,
                                "running",
                                2L,
                                "free_kv_tokens",
                                3L));
        Heartbeat heartbeat = (Heartbeat) HeartbeatCodec.decode(frame);
        assertThat(heartbeat.bye()).isFalse();
        assertThat(heartbeat.instance().reported())
                .isEqualTo(
                        new Reported(
                                "kv_consumer",
                                "0.2.0",
                                "Any/3",
                                List.of("peers", "push"),
                                1,
                                2,
                                3));
    }

    @Test
    void shouldTakeAnInstanceWithoutAControlAddressThatSaysItsRole() {
        Map<String, String> whole = Map.of("type", "D", "http_address", HTTP, "role", "none");
        Heartbeat heartbeat = (Heartbeat) HeartbeatCodec.decode(Beats.pack(whole));
        assertThat(heartbeat.instance().zmq()).isEmpty();
        Map<String, String> old = Map.of("type", "D", "http_address", HTTP);
        assertThat(HeartbeatCodec.decode(Beats.pack(old)))
                .isEqualTo(
                        new HeartbeatCodec.Refused(
                                "missing_zmq_address", "field=zmq_address is missing"));
    }

    @Test
    void shouldTakeOutWhoDrains() {
        byte[] frame = Beats.map("D", HTTP, ZMQ, Map.of("draining", true));
        assertThat(((Heartbeat) HeartbeatCodec.decode(frame)).bye()).isTrue();
    }

    @Test
    void shouldBoundTheCapabilities() {
        List<String> many = Collections.nCopies(65, "x");
        assertThat(HeartbeatCodec.decode(Beats.map("D", HTTP, ZMQ, Map.of("capabilities", many))))
                .isEqualTo(
                        new HeartbeatCodec.Refused(
                                "bad_capabilities", "capabilities=65 texts; expected at most 64"));
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
        byte[] frame = Beats.map("P", HTTP, ZMQ, Map.of("epoch", 7L, "queue", 5L, "bye", false));
        frame[at % frame.length] = value;
        assertThat(HeartbeatCodec.decode(frame)).isNotNull();
    }
}
