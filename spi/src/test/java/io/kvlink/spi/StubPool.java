// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** A host pool provider that is there, or isn't usable. */
record StubPool(Availability availability) implements HostPoolProvider {

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return "stub pool";
    }

    @Override
    public HostPool create(HostPoolConfig config) {
        throw new KvConnectorException(KvError.UNAVAILABLE, "a stub makes nothing");
    }
}
