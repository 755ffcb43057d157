// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.arrival;

import io.kvlink.p2p.internal.transfer.RankMap;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.TransferRoute;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Wait of a request for its KV, as the engine's thread sees it. It has a transfer for each group of
 * layers and each rank that this one reads from; until the sender's ranks are known they are taken
 * for equal. It is ready when all are, and fails when one does.
 */
public final class AwaitedKv {

    private final KvRequest request;
    private final long digest;
    // Written by the control thread, read by the engine's.
    private volatile List<Expectation> transfers;

    /**
     * A wait about to begin.
     *
     * @param request the request; it has a route
     * @param digest the prompt's digest
     * @param groups of this rank's layers
     */
    public AwaitedKv(KvRequest request, long digest, List<KvLayerGroup> groups) {
        this.request = request;
        this.digest = digest;
        TransferRoute route = request.route().orElseThrow();
        transfers =
                new RankMap(groups)
                        .counterpart(route.id()).stream()
                                .map(
                                        link ->
                                                new Expectation(
                                                        request,
                                                        digest,
                                                        link.id(),
                                                        route.prefill(),
                                                        link.part()))
                                .toList();
    }

    /** The request. */
    public KvRequest request() {
        return request;
    }

    /** The first failure of a transfer, if one has failed. From any thread. */
    public Optional<Expectation.Failed> failure() {
        for (Expectation transfer : transfers) {
            if (transfer.status() instanceof Expectation.Failed failed) {
                return Optional.of(failed);
            }
        }
        return Optional.empty();
    }

    /** The KV, if all of it is here or about to be. From any thread. */
    public Optional<LoadableKv> loadable() {
        List<LoadableKv.Source> sources = new ArrayList<>();
        for (Expectation transfer : transfers) {
            if (!(transfer.status() instanceof Expectation.Ready ready)) {
                return Optional.empty();
            }
            sources.add(new LoadableKv.Source(transfer.part(), ready));
        }
        return Optional.of(new LoadableKv(sources));
    }

    /** True until it is known whether the KV comes. From any thread. */
    public boolean waiting() {
        return failure().isEmpty() && loadable().isEmpty();
    }

    /** The prompt's digest. */
    public long digest() {
        return digest;
    }

    /** The instance that sends it. */
    public HostPort prefill() {
        return request.route().orElseThrow().prefill();
    }

    /** The transfers that it waits for. */
    public List<Expectation> transfers() {
        return transfers;
    }

    /** The sender's ranks are known. By the control thread, once. */
    public void comeFrom(List<Expectation> ranks) {
        transfers = ranks;
    }
}
