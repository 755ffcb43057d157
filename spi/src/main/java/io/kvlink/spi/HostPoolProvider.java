// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * The tensor pool's side of the contract: makes pools of host memory. Found by {@link
 * java.util.ServiceLoader}; the public no-argument constructor does nothing.
 */
public interface HostPoolProvider {

    /** A name for logs. */
    String name();

    /** Version of the contract that the provider was built with: {@link KvSpi#VERSION}. */
    int spiVersion();

    /** Tells whether pools of host memory can be made here, with the reason if not. */
    Availability availability();

    /**
     * Makes a pool. Takes no memory yet.
     *
     * @param config what is wanted
     * @return the pool; the caller closes it
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}
     */
    HostPool create(HostPoolConfig config);
}
