// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Arrays;
import java.util.List;

/**
 * Work of one step, told by a connector's scheduler half to its worker half. Plain values, so that
 * an engine may carry it to other processes.
 */
public final class StepMetadata {

    /** Metadata of a step without work. */
    public static final StepMetadata EMPTY = new StepMetadata(List.of(), List.of(), new byte[0]);

    private final List<Task> loads;
    private final List<Task> saves;
    private final byte[] connectorData;

    private StepMetadata(List<Task> loads, List<Task> saves, byte[] connectorData) {
        this.loads = List.copyOf(loads);
        this.saves = List.copyOf(saves);
        this.connectorData = connectorData;
    }

    /**
     * Metadata of a step.
     *
     * @param loads token ranges that are to be brought into the blocks
     * @param saves token ranges that are to be taken from them, layer by layer
     */
    public static StepMetadata of(List<Task> loads, List<Task> saves) {
        return new StepMetadata(loads, saves, new byte[0]);
    }

    /**
     * Task for a token range of one request.
     *
     * @param request the request
     * @param blocks all its blocks
     * @param fromToken the first token, from 0
     * @param toToken one past the last
     */
    public static Task task(KvRequest request, BlockTable blocks, int fromToken, int toToken) {
        return new Task(request, blocks, fromToken, toToken);
    }

    /**
     * Copy of this metadata with the connector's own words.
     *
     * @param data anything that the worker half understands; copied. An engine carries it unread
     */
    public StepMetadata withConnectorData(byte[] data) {
        return new StepMetadata(loads, saves, data.clone());
    }

    /** Token ranges that are to be brought into the blocks. */
    public List<Task> loads() {
        return loads;
    }

    /** Token ranges that are to be taken from the blocks, layer by layer. */
    public List<Task> saves() {
        return saves;
    }

    /** Words of the scheduler half to the worker half, a copy; empty if there are none. */
    public byte[] connectorData() {
        return connectorData.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof StepMetadata step
                && loads.equals(step.loads)
                && saves.equals(step.saves)
                && Arrays.equals(connectorData, step.connectorData);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * loads.hashCode() + saves.hashCode()) + Arrays.hashCode(connectorData);
    }

    @Override
    public String toString() {
        return "StepMetadata[loads=%s saves=%s connectorData=%d bytes]"
                .formatted(loads, saves, connectorData.length);
    }

    /** Token range of one request. */
    public static final class Task {

        private final KvRequest request;
        private final BlockTable blocks;
        private final int fromToken;
        private final int toToken;

        private Task(KvRequest request, BlockTable blocks, int fromToken, int toToken) {
            if (fromToken < 0 || toToken <= fromToken) {
                throw new IllegalArgumentException(
                        "from=" + fromToken + " to=" + toToken + " " + request);
            }
            this.request = request;
            this.blocks = blocks;
            this.fromToken = fromToken;
            this.toToken = toToken;
        }

        /** The request, with a route or without. */
        public KvRequest request() {
            return request;
        }

        /** All its blocks. */
        public BlockTable blocks() {
            return blocks;
        }

        /** The first token, from 0. */
        public int fromToken() {
            return fromToken;
        }

        /** One past the last token. */
        public int toToken() {
            return toToken;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Task task
                    && request.equals(task.request)
                    && blocks.equals(task.blocks)
                    && fromToken == task.fromToken
                    && toToken == task.toToken;
        }

        @Override
        public int hashCode() {
            return 31 * (31 * request.hashCode() + fromToken) + toToken;
        }

        @Override
        public String toString() {
            return "Task[request=%s from=%d to=%d]".formatted(request.id(), fromToken, toToken);
        }
    }
}
