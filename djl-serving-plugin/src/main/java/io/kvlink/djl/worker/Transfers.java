// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.spi.TransferOutcome;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Ends of a sequence's load and of its save, as far as they are known. One thread. */
final class Transfers {

    private @Nullable TransferOutcome load;
    private @Nullable TransferOutcome sent;

    /** Outcome of the KV's load; empty if none was to come. */
    Optional<TransferOutcome> load() {
        return Optional.ofNullable(load);
    }

    /** Notes that the KV came, or didn't. */
    void onLoad(TransferOutcome outcome) {
        load = outcome;
    }

    /** Notes that the KV went to another instance, or didn't. */
    void onSent(TransferOutcome outcome) {
        sent = outcome;
    }

    /** Way, size and error of the load, or else of the save, as {@code key=value}. */
    String words() {
        TransferOutcome moved = load != null ? load : sent;
        return moved == null
                ? "plane=none bytes=0 error=none"
                : "plane=%s bytes=%d error=%s"
                        .formatted(
                                moved.plane().isEmpty() ? "none" : moved.plane(),
                                moved.bytes(),
                                moved.failure().map(Enum::name).orElse("none"));
    }

    /** Reason of a failure, with a space before it; empty if there is none. */
    String why() {
        TransferOutcome moved = load != null ? load : sent;
        return moved == null || moved.detail().isEmpty() ? "" : " why=\"" + moved.detail() + '"';
    }
}
