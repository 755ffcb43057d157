// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/** A provider with a name, found through a class loader made by a test. */
public class StubProvider implements KvConnectorProvider {

    private final String name;
    private final Availability availability;

    /** Like a real one: does nothing. */
    public StubProvider() {
        this("stub", Availability.usable());
    }

    StubProvider(String name, Availability availability) {
        this.name = name;
        this.availability = availability;
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Availability availability() {
        return availability;
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        throw new KvConnectorException(KvError.UNAVAILABLE, "a stub makes nothing");
    }

    /** A second provider of the same name. */
    public static final class Twin extends StubProvider {}
}
