// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Version of this contract. It grows when an older connector or pool would no longer do its part.
 */
public final class KvSpi {

    /** Version of this library. A provider returns it, and so carries the one it was built with. */
    public static final int VERSION = 2;

    /** Oldest version of a provider that still works. */
    public static final int OLDEST = 2;

    private KvSpi() {}

    /** Tells whether a provider of some version can be used, with both versions if not. */
    static Availability accepts(int version) {
        return version >= OLDEST && version <= VERSION
                ? Availability.usable()
                : Availability.missing(
                        "spiVersion=%d supported=%d..%d; take connector and host of one release"
                                .formatted(version, OLDEST, VERSION));
    }
}
