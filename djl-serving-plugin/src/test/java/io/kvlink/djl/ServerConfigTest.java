// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvConnectorException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServerConfigTest {

    /** Class of the shape of DJL Serving's. */
    public static final class Fake {

        static Map<String, String> values = Map.of();

        public static Fake getInstance() {
            return new Fake();
        }

        public String getProperty(String key, String absent) {
            return values.getOrDefault(key, absent);
        }
    }

    /** A foreign class of that name. */
    public static final class Other {
        private Other() {}
    }

    private final ServerConfig config = new ServerConfig(Fake.class.getName());

    @Test
    void shouldReadTheOwnAddress() {
        Fake.values = Map.of();
        assertThat(config.ownAddress()).isEmpty();
        Fake.values = Map.of("kvlink_address", " ");
        assertThat(config.ownAddress()).isEmpty();
        Fake.values = Map.of("kvlink_address", " 10.0.0.1:9000 ");
        assertThat(config.ownAddress()).contains(address("10.0.0.1", 9000));
        Fake.values = Map.of("kvlink_address", "http://localhost:0");
        assertThat(config.ownAddress()).contains(address("localhost", 0));
        Fake.values = Map.of("kvlink_address", "http://[::1]:80/");
        assertThat(config.ownAddress()).contains(address("::1", 80));
        for (String wrong : List.of("nonsense", "host:99999", "https://host:1", ":1")) {
            Fake.values = Map.of("kvlink_address", wrong);
            assertThatThrownBy(config::ownAddress)
                    .isInstanceOf(KvConnectorException.class)
                    .hasMessageContaining("kvlink_address=" + wrong + "; expected host:port");
        }
    }

    private static InetSocketAddress address(String host, int port) {
        return InetSocketAddress.createUnresolved(host, port);
    }

    @Test
    void shouldHaveNothingWithoutDjlServing() {
        assertThat(new ServerConfig("no.such.Class").ownAddress()).isEmpty();
        assertThat(new ServerConfig(Other.class.getName()).ownAddress()).isEmpty();
    }
}
