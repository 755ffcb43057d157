// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.generation;

import java.util.List;
import java.util.stream.Stream;

/**
 * A worker's answers to two questions: does it live, or must it be restarted; is it ready, or
 * should requests go elsewhere. A worker that doesn't live isn't ready.
 *
 * @param whyNotLive reasons, none if it lives
 * @param whyNotReady further reasons not to send it requests
 */
public record WorkerHealth(List<String> whyNotLive, List<String> whyNotReady) {

    /** A worker that lives and is ready. */
    public static final WorkerHealth GOOD = new WorkerHealth(List.of(), List.of());

    /** A worker that lives and takes nothing new, since it is to end. */
    public static final WorkerHealth DRAINING =
            new WorkerHealth(List.of(), List.of("worker=draining"));

    /** Copies the lists; what doesn't live isn't ready for the same reasons. */
    public WorkerHealth {
        whyNotReady = Stream.concat(whyNotLive.stream(), whyNotReady.stream()).distinct().toList();
        whyNotLive = List.copyOf(whyNotLive);
    }
}
