// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/**
 * All rules for a KV connector. Extend it, say how the connector is made, and run it with JUnit 5:
 *
 * <pre>{@code
 * final class MyConnectorTest extends KvConnectorContract {
 *     @Override
 *     protected KvConnectorProvider provider() {
 *         return new MyConnectorProvider();
 *     }
 *
 *     @Override
 *     protected Map<String, Object> config(KvRole role) {
 *         return Map.of("kv_connector", "MyConnector", "kv_role", role.key(), "kv_port", 0);
 *     }
 * }
 * }</pre>
 *
 * <p>A test's name begins with its rule's number; {@code docs/connector-rules.md} explains the
 * rules. They go through {@code io.kvlink.spi} alone. Without {@link #transferDeadline} and {@link
 * #unclaimedTtl} the suite waits 10 s and 2 s for what fails.
 */
public abstract class KvConnectorContract extends StoreRules {}
