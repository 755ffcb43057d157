// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.announce;

import io.kvlink.djl.generation.WorkerStatus;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Status of a worker, or the last one while its connector fails to give one: its requests are
 * served all the same. The announcer's thread.
 */
final class KnownStatus {

    private static final Logger log = LoggerFactory.getLogger(KnownStatus.class);

    private final Supplier<WorkerStatus> source;
    private @Nullable WorkerStatus last;
    private int failures;

    KnownStatus(Supplier<WorkerStatus> source) {
        this.source = source;
    }

    /** The status now, or the last one; empty if there was none so far. */
    Optional<WorkerStatus> get() {
        try {
            last = source.get();
        } catch (VirtualMachineError cause) {
            throw cause;
        } catch (RuntimeException | Error cause) {
            failures++;
            if (Integer.bitCount(failures) == 1) {
                log.warn("status=unknown count={}; heartbeats say the last one", failures, cause);
            }
        }
        return Optional.ofNullable(last);
    }
}
