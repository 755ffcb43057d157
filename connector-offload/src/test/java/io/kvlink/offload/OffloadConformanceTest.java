// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

import io.kvlink.pool.BuddyHostPoolProvider;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvRole;
import io.kvlink.tck.KvMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;

final class OffloadConformanceTest {

    @Nested
    final class OnTheHost extends OffloadSuite {}

    @Nested
    final class OnADeviceThatIsLate extends OnADevice {
        OnADeviceThatIsLate() {
            super(false);
        }
    }

    @Nested
    final class OnADeviceThatCopiesEarly extends OnADevice {
        OnADeviceThatCopiesEarly() {
            super(true);
        }
    }

    abstract static class OnADevice extends OffloadSuite {

        private final boolean early;
        private final List<FakeStreams> devices = new ArrayList<>();

        OnADevice(boolean early) {
            this.early = early;
        }

        // The suite asks for an engine's memory before it makes its connector.
        @Override
        protected KvMemory memory(KvRole role) {
            devices.add(new FakeStreams(early));
            return new FakeStreamsMemory(devices.get(devices.size() - 1));
        }

        @Override
        protected KvConnectorProvider provider() {
            return new PooledProvider(
                    new BuddyHostPoolProvider(),
                    () -> Optional.of(devices.get(devices.size() - 1)));
        }
    }
}
