// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;

/**
 * Ranks of a peer that this rank exchanges KV with. A prompt's KV goes from rank to rank in one
 * transfer each. Between instances of equal ranks each rank has one counterpart, and the transfer
 * has the id of the route. Otherwise a rank may have several, so the id says between whom. A rank
 * listens on the instance's port plus its number.
 *
 * @param own layout of this rank
 */
public record RankMap(KvLayout own) {

    /**
     * Transfer between this rank and one of a peer.
     *
     * @param rank of the peer
     * @param id the transfer
     * @param part of this rank's KV
     */
    public record Link(int rank, TransferId id, Part part) {}

    /**
     * Transfers to the ranks that read from this one.
     *
     * @param id the route's
     * @param consumer layout of any rank of the peer
     */
    public List<Link> readers(TransferId id, KvLayout consumer) {
        if (alike(consumer)) {
            return List.of(new Link(own.rank(), id, Part.all(own)));
        }
        List<Link> readers = new ArrayList<>();
        for (KvShardMap.Shard reader : consumer.shards()) {
            for (KvShardMap.Slice slice : KvShardMap.plan(own.shards(), reader)) {
                if (slice.source() == own.rank()) {
                    TransferId named = named(id, own.rank(), reader.rank());
                    readers.add(new Link(reader.rank(), named, Part.of(own, slice)));
                }
            }
        }
        return readers;
    }

    /**
     * Transfers from the ranks that this one reads from.
     *
     * @param id the route's
     * @param producer layout of any rank of the peer
     */
    public List<Link> sources(TransferId id, KvLayout producer) {
        if (alike(producer)) {
            return List.of(new Link(own.rank(), id, Part.all(own)));
        }
        return KvShardMap.plan(producer.shards(), own.shard()).stream()
                .map(
                        slice ->
                                new Link(
                                        slice.source(),
                                        named(id, slice.source(), own.rank()),
                                        Part.of(own, slice)))
                .toList();
    }

    /** The route's id, of a transfer that this rank sends to a reader. */
    public TransferId routeOfSent(TransferId id, KvLayout reader) {
        return alike(reader) ? id : named(id, own.rank(), reader.rank());
    }

    /** Address of a rank of an instance. */
    public static HostPort address(HostPort instance, int rank) {
        return rank == 0 ? instance : new HostPort(instance.host(), instance.port() + rank);
    }

    private boolean alike(KvLayout peer) {
        return own.tpSize() == peer.tpSize() && own.stageLayers().equals(peer.stageLayers());
    }

    // Undoes itself, so that whoever knows the two ranks finds the route's id again.
    private static TransferId named(TransferId id, int source, int reader) {
        long ranks = ((long) source << 32 | reader) + 1;
        return new TransferId(id.high(), id.low() ^ mixed(ranks), id.prompt());
    }

    // SplitMix64 (Steele, Lea, Flood 2014): neighbours differ in half of the bits.
    private static long mixed(long number) {
        long z = number * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
