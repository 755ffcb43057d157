// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.BlockTable;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferOutcome;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** One end of a transfer. */
final class MemorySide {

    final MemoryConnector connector;
    final KvRequest request;
    final boolean producer;
    final long addedNs;
    Optional<MemoryTransfer> transfer = Optional.empty();
    Optional<LoadDecision.Failed> failure = Optional.empty();
    BlockTable blocks = BlockTable.of();
    // Tokens whose KV the steps so far have saved.
    int saved;
    int loadFrom;
    int loadTo;
    boolean loading;
    boolean ended;
    boolean answered;

    MemorySide(MemoryConnector connector, KvRequest request, boolean producer) {
        this.connector = connector;
        this.request = request;
        this.producer = producer;
        this.addedNs = connector.nowNs();
    }

    /** Tokens that the producer saves. */
    int savesTokens() {
        return request.transferTokens() + (request.attachment() ? 1 : 0);
    }

    boolean isLate(long nowNs) {
        return nowNs - addedNs > connector.deadlineNs;
    }

    boolean broken() {
        return transfer.filter(MemoryTransfer::broken).isPresent();
    }

    boolean sharesPromptWith(MemorySide other) {
        return Arrays.equals(request.promptTokens(), other.request.promptTokens());
    }

    boolean sharesSaltWith(MemorySide other) {
        return request.salt().equals(other.request.salt());
    }

    /** Ends this side, once; the other one isn't told. */
    void fail(KvError error, String detail) {
        if (!ended) {
            ended = true;
            failure = Optional.of(LoadDecision.failed(error, detail));
            if (producer) {
                connector.sent.add(outcome(Optional.of(error), detail, 0));
            } else if (loading) {
                connector.failedLoads.add(outcome(Optional.of(error), detail, 0));
            }
            connector.wake();
        }
    }

    void succeed(long bytes) {
        if (!ended) {
            ended = true;
            List<TransferOutcome> reports = producer ? connector.sent : connector.loaded;
            reports.add(outcome(Optional.empty(), "", bytes));
            if (!producer && connector.has(Fault.REPORTS_TWICE)) {
                reports.add(outcome(Optional.empty(), "", bytes));
            }
            connector.wake();
        }
    }

    private TransferOutcome outcome(Optional<KvError> error, String detail, long bytes) {
        return TransferOutcome.builder(request.id())
                .id(request.route().orElseThrow().id())
                .failure(error, detail)
                .plane("memory")
                .bytes(bytes)
                .nanos(connector.nowNs() - addedNs)
                .build();
    }
}
