// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.spi.TransferId;
import java.nio.ByteBuffer;
import java.security.SecureRandom;

/** Makes transfer ids of 128 bits that nobody can guess. Used from any thread. */
public final class TransferIds {

    private final SecureRandom random = new SecureRandom();

    public TransferId next() {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        ByteBuffer halves = ByteBuffer.wrap(bytes);
        return new TransferId(halves.getLong(), halves.getLong(), 0);
    }
}
