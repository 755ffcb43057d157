// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Optional;

/**
 * End of one transfer, at one side of it.
 *
 * @param requestId the engine's name for the request
 * @param id the transfer
 * @param failure why it failed; empty if all its bytes arrived
 * @param detail the facts of a failure as {@code key=value}; otherwise empty
 * @param plane the data plane that carried it; empty if none was chosen
 * @param bytes bytes that moved
 * @param nanos from the first save (sender), or the first offer or grant (receiver), to the last
 *     byte
 */
public record TransferOutcome(
        String requestId,
        TransferId id,
        Optional<KvError> failure,
        String detail,
        String plane,
        long bytes,
        long nanos) {}
