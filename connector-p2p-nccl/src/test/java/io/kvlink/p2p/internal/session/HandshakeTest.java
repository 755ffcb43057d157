// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.session;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Either side of a handshake judges the other. */
class HandshakeTest {

    private static final KvLayout LAYOUT = layout("m", 2, 1, 4, DType.F32, 0, 1, 0, 1);
    private static final Frame.Identity SELF = identity(1, LAYOUT, "nccl", "tcp");

    private final DeviceAgent nccl = device("nccl", true);
    private final DeviceAgent tcp = device("tcp", true);
    private final Handshake handshake = handshake(nccl, tcp);

    static Stream<KvLayout> others() {
        return Stream.of(
                layout("n", 2, 1, 4, DType.F32, 0, 1, 0, 1),
                layout("m", 3, 1, 4, DType.F32, 0, 1, 0, 1),
                layout("m", 2, 2, 4, DType.F32, 0, 1, 0, 1),
                layout("m", 2, 1, 8, DType.F32, 0, 1, 0, 1),
                layout("m", 2, 1, 4, DType.F16, 0, 1, 0, 1),
                layout("m", 2, 1, 4, DType.F32, 1, 2, 0, 1),
                layout("m", 2, 1, 4, DType.F32, 0, 1, 1, 2));
    }

    @ParameterizedTest
    @MethodSource("others")
    void shouldRefuseACallOfAnotherLayout(KvLayout other) {
        Frame.Hello hello = new Frame.Hello(Frame.PROTOCOL, identity(2, other, "nccl", "tcp"));
        assertThat(handshake.judge(hello))
                .isEqualTo(
                        new Handshake.Misfits(
                                KvError.LAYOUT_MISMATCH, LAYOUT.firstDifference(other)));
    }

    @ParameterizedTest
    @MethodSource("others")
    void shouldRefuseAnAnswerOfAnotherLayout(KvLayout other) {
        Frame.Accept accept = new Frame.Accept(identity(2, other, "nccl", "tcp"), "tcp");
        assertThat(handshake.judge(accept))
                .isEqualTo(
                        new Handshake.Misfits(
                                KvError.LAYOUT_MISMATCH, LAYOUT.firstDifference(other)));
    }

    @Test
    void shouldRefuseAnotherProtocol() {
        Frame.Hello hello = new Frame.Hello(Frame.PROTOCOL + 1, identity(2, LAYOUT, "nccl", "tcp"));
        assertThat(handshake.judge(hello))
                .isEqualTo(
                        new Handshake.Misfits(
                                KvError.LAYOUT_MISMATCH,
                                "protocol=" + Frame.PROTOCOL + "/" + (Frame.PROTOCOL + 1)));
    }

    @Test
    void shouldTakeTheMostWantedPlaneThatBothHave() {
        assertThat(handshake.judge(call("tcp", "nccl")))
                .isEqualTo(new Handshake.Fits(nccl, "nccl@2"));
        assertThat(handshake.judge(call("tcp"))).isEqualTo(new Handshake.Fits(tcp, "tcp@2"));
        assertThat(handshake.judge(call("cuda-ipc")))
                .isEqualTo(
                        new Handshake.Misfits(
                                KvError.NO_COMMON_PLANE, "planes=[nccl, tcp]/[cuda-ipc]"));
    }

    @Test
    void shouldPassOverAPlaneThatDoesNotReachTheCaller() {
        Handshake far = handshake(device("nccl", false), tcp);
        assertThat(far.judge(call("nccl", "tcp"))).isEqualTo(new Handshake.Fits(tcp, "tcp@2"));
    }

    @Test
    void shouldTakeThePlaneThatTheCalledSideChose() {
        assertThat(handshake.judge(answer("tcp", "nccl", "tcp")))
                .isEqualTo(new Handshake.Fits(tcp, "tcp@2"));
    }

    @Test
    void shouldSeeThatTheChosenPlaneLeadsNowhere() {
        Handshake.Verdict nowhere = new Handshake.LeadsNowhere("nccl");
        Handshake far = handshake(device("nccl", false), tcp);
        assertThat(far.judge(answer("nccl", "nccl", "tcp"))).isEqualTo(nowhere);
        assertThat(handshake.judge(answer("nccl", "tcp"))).as("no endpoint").isEqualTo(nowhere);
        assertThat(handshake(tcp).judge(answer("nccl", "nccl"))).as("no plane").isEqualTo(nowhere);
    }

    @Test
    void shouldCallWithoutThePlanesThatLeadNowhere() {
        assertThat(handshake.hello(Set.of("nccl")).identity().planes())
                .extracting(Frame.Plane::name)
                .containsExactly("tcp");
        assertThat(handshake.exhausted(Set.of("nccl"))).isFalse();
        assertThat(handshake.exhausted(Set.of("nccl", "tcp"))).isTrue();
    }

    private static Frame.Hello call(String... planes) {
        return new Frame.Hello(Frame.PROTOCOL, identity(2, LAYOUT, planes));
    }

    private static Frame.Accept answer(String plane, String... planes) {
        return new Frame.Accept(identity(2, LAYOUT, planes), plane);
    }

    private static Handshake handshake(DeviceAgent... devices) {
        Map<String, DeviceAgent> byName = new LinkedHashMap<>();
        for (DeviceAgent device : devices) {
            byName.put(device.plane().name(), device);
        }
        return new Handshake(SELF, byName);
    }

    private static DeviceAgent device(String plane, boolean leads) {
        return new DeviceAgent(new NamedPlane(plane, leads));
    }

    private static Frame.Identity identity(int port, KvLayout layout, String... planes) {
        return new Frame.Identity(
                "e" + port,
                port,
                new HostPort("127.0.0.1", port),
                List.of(KvLayerGroup.all(layout)),
                0,
                Stream.of(planes).map(name -> new Frame.Plane(name, name + "@" + port)).toList());
    }

    private static KvLayout layout(
            String model,
            int layers,
            int heads,
            int size,
            DType dtype,
            int tpRank,
            int tpSize,
            int ppRank,
            int ppSize) {
        return KvLayout.builder(model, layers, heads, size, dtype, 4)
                .axisOrder(KvLayout.single("m", 1, 1, 1, DType.F32, 1).axisOrder())
                .tensorParallel(tpRank, tpSize)
                .pipelineParallel(ppRank, ppSize)
                .build();
    }
}
