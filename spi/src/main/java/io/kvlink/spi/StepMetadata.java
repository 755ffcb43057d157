// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.List;

/**
 * Work of one step, told by a connector's scheduler side to its worker side. Plain values, so that
 * an engine may carry it to other processes.
 *
 * @param loads what is to be brought into the blocks
 * @param saves what is to be taken from them, layer by layer
 */
public record StepMetadata(List<Task> loads, List<Task> saves) {

    /** A step without work. */
    public static final StepMetadata EMPTY = new StepMetadata(List.of(), List.of());

    public StepMetadata {
        loads = List.copyOf(loads);
        saves = List.copyOf(saves);
    }

    /**
     * A token range of one request.
     *
     * @param request the request; it has a route
     * @param blocks all its blocks
     * @param fromToken the first token
     * @param toToken one past the last
     */
    public record Task(KvRequest request, BlockTable blocks, int fromToken, int toToken) {
        public Task {
            if (fromToken < 0 || toToken <= fromToken || request.route().isEmpty()) {
                throw new IllegalArgumentException(
                        "from=" + fromToken + " to=" + toToken + " " + request);
            }
        }
    }
}
