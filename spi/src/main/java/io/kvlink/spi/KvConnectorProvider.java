// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Makes connectors of one kind. Found by {@link java.util.ServiceLoader}; the public no-argument
 * constructor does nothing.
 */
public interface KvConnectorProvider {

    /** The name that {@code kv_connector} in a configuration asks for. */
    String name();

    /**
     * Version of the contract that the provider was built with: {@link KvSpi#VERSION}. One that is
     * too old or too new isn't used, and the reason names both.
     */
    int spiVersion();

    /** Tells whether connectors of this kind work on this machine, with the reason if not. */
    Availability availability();

    /**
     * Makes a connector, ready to be reached by peers when this returns. If it throws, nothing is
     * left open.
     *
     * @param config the configuration; the provider checks its own part of it
     * @param context the engine's side
     * @return the connector; the caller closes it
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG} for a setting it refuses, or
     *     {@link KvError#UNAVAILABLE}
     */
    KvConnector create(KvTransferConfig config, KvConnectorContext context);
}
