// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Memory, transfers and sessions that a connector holds at one moment. All but {@code peers} are 0
 * when no transfer is under way.
 *
 * @param bufferBytes bytes leased from the receive or send buffer ({@code kv_buffer_size})
 * @param poolBytes bytes leased from the host pool
 * @param leases how many leases these are
 * @param transfers transfers that haven't ended
 * @param peers live sessions with peers; a connector may have one for each direction
 */
public record KvLedger(long bufferBytes, long poolBytes, int leases, int transfers, int peers) {

    /** True if nothing is held for any transfer. */
    public boolean idle() {
        return bufferBytes == 0 && poolBytes == 0 && leases == 0 && transfers == 0;
    }
}
