// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.cudaipc;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.cuda.FakeCuda;
import io.kvlink.p2p.internal.cuda.FakeProcess;
import io.kvlink.p2p.internal.plane.Token;
import io.kvlink.p2p.internal.plane.pull.GpuEndpoint;
import io.kvlink.p2p.internal.plane.socket.SecretAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class IpcReachTest {

    private static final int BYTES = 4096;

    private final FakeCuda machine = new FakeCuda(2, 2);
    private final FakeProcess own = machine.newProcess();
    private final FakeProcess other = machine.newProcess();
    private final CudaDevice device = own.open(0);
    private final CudaDevice peerDevice = other.open(1);
    private final IpcMappings mappings = new IpcMappings(device);
    private final IpcReach reach = new IpcReach(device, mappings);
    private final GpuEndpoint mine = endpoint("host", "me", device, new byte[0]);

    @AfterEach
    void close() {
        mappings.close();
        assertThat(own.mappings()).isZero();
    }

    private static GpuEndpoint endpoint(String host, String process, CudaDevice of, byte[] handle) {
        InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1);
        SecretAddress channel = new SecretAddress(address, Token.random());
        return new GpuEndpoint(host, process, 1, 1, "pid", of.uuid(), handle, 0, channel);
    }

    private GpuEndpoint peerWithMemory() {
        peerDevice.attach();
        byte[] handle = peerDevice.export(peerDevice.allocate(BYTES));
        return endpoint("host", "peer", peerDevice, handle);
    }

    @Test
    void shouldMapAPeersMemoryOnceUntilThePeerIsForgotten() {
        GpuEndpoint peer = peerWithMemory();
        assertThat(reach.reaches(mine, peer)).isTrue();
        assertThat(reach.reaches(mine, peer)).isTrue();
        assertThat(own.mappings()).isEqualTo(1);
        reach.forget(peer);
        reach.forget(peer);
        assertThat(own.mappings()).isZero();
    }

    @Test
    void shouldRememberWhatCouldNotBeMapped() {
        GpuEndpoint peer = peerWithMemory();
        own.failNext("map");
        assertThat(reach.reaches(mine, peer)).isFalse();
        assertThat(reach.reaches(mine, peer)).as("tried once").isFalse();
        reach.forget(peer);
        assertThat(reach.reaches(mine, peer)).as("tried anew").isTrue();
    }

    @Test
    void shouldReachNobodyOnAnotherHost() {
        GpuEndpoint peer = peerWithMemory();
        GpuEndpoint elsewhere = endpoint("elsewhere", "peer", peerDevice, peer.handle());
        assertThat(reach.reaches(mine, elsewhere)).isFalse();
        assertThat(own.mappings()).isZero();
    }

    @Test
    void shouldReachAPeerThatOnlySends() {
        GpuEndpoint sender = endpoint("host", "peer", peerDevice, new byte[0]);
        assertThat(reach.reaches(mine, sender)).isTrue();
        assertThat(own.mappings()).isZero();
    }
}
