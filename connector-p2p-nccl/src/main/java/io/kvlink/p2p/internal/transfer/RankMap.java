// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.transfer;

import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvShardMap;
import io.kvlink.spi.TransferId;
import java.util.ArrayList;
import java.util.List;

/**
 * Ranks of a peer that this rank exchanges KV with. A prompt's KV goes from rank to rank in a
 * transfer for each group of layers. Between instances of equal ranks each rank has one
 * counterpart, and the first group's transfer has the id of the route. The other ids say between
 * whom they are. A rank listens on the instance's port plus its number.
 *
 * @param own groups of this rank's layers
 */
public record RankMap(List<KvLayerGroup> own) {

    /**
     * Transfer between this rank and one of a peer.
     *
     * @param rank of the peer
     * @param id the transfer
     * @param part of this rank's KV
     */
    public record Link(int rank, TransferId id, Part part) {}

    /** Number of this rank. */
    public int rank() {
        return own.get(0).layout().rank();
    }

    /** Number of ranks of this instance. */
    public int ranks() {
        return own.get(0).layout().ranks();
    }

    /**
     * Transfers to the ranks that read from this one.
     *
     * @param id the route's
     * @param consumer groups of any rank of the peer
     */
    public List<Link> readers(TransferId id, List<KvLayerGroup> consumer) {
        if (alike(consumer)) {
            return counterpart(id);
        }
        List<Link> readers = new ArrayList<>();
        for (int number = 0; number < own.size(); number++) {
            KvLayerGroup group = own.get(number);
            List<KvShardMap.Shard> producers = group.layout().shards();
            for (KvShardMap.Shard reader : consumer.get(number).layout().shards()) {
                for (KvShardMap.Slice slice : KvShardMap.plan(producers, reader)) {
                    if (slice.source() == rank()) {
                        TransferId named = named(id, rank(), reader.rank(), number);
                        readers.add(new Link(reader.rank(), named, Part.of(number, group, slice)));
                    }
                }
            }
        }
        return readers;
    }

    /**
     * Transfers from the ranks that this one reads from.
     *
     * @param id the route's
     * @param producer groups of any rank of the peer
     */
    public List<Link> sources(TransferId id, List<KvLayerGroup> producer) {
        if (alike(producer)) {
            return counterpart(id);
        }
        List<Link> sources = new ArrayList<>();
        for (int number = 0; number < own.size(); number++) {
            KvLayerGroup group = own.get(number);
            List<KvShardMap.Shard> producers = producer.get(number).layout().shards();
            for (KvShardMap.Slice slice : KvShardMap.plan(producers, group.layout().shard())) {
                TransferId named = named(id, slice.source(), rank(), number);
                sources.add(new Link(slice.source(), named, Part.of(number, group, slice)));
            }
        }
        return sources;
    }

    /**
     * Transfers of all groups between this rank and its like, in an instance of equal ranks.
     *
     * @param id the route's
     */
    public List<Link> counterpart(TransferId id) {
        List<Link> links = new ArrayList<>();
        for (int number = 0; number < own.size(); number++) {
            TransferId named = number == 0 ? id : named(id, rank(), rank(), number);
            links.add(new Link(rank(), named, Part.all(number, own.get(number))));
        }
        return links;
    }

    /**
     * Ids that the route of a transfer may have that this rank sends: one for each group that the
     * transfer may be of.
     *
     * @param id the transfer
     * @param reader groups of the peer's rank
     */
    public List<TransferId> routesOfSent(TransferId id, List<KvLayerGroup> reader) {
        List<TransferId> routes = new ArrayList<>();
        int peer = reader.get(0).layout().rank();
        for (int number = 0; number < own.size(); number++) {
            boolean plain = number == 0 && alike(reader);
            routes.add(plain ? id : named(id, rank(), peer, number));
        }
        return routes;
    }

    /**
     * Id of the route of a transfer that this rank is offered.
     *
     * @param id the transfer
     * @param group number of the group that it is of
     * @param source groups of the peer's rank
     */
    public TransferId routeOfOffered(TransferId id, int group, List<KvLayerGroup> source) {
        boolean plain = group == 0 && alike(source);
        return plain ? id : named(id, source.get(0).layout().rank(), rank(), group);
    }

    /** Address of a rank of an instance. */
    public static HostPort address(HostPort instance, int rank) {
        return rank == 0 ? instance : new HostPort(instance.host(), instance.port() + rank);
    }

    private boolean alike(List<KvLayerGroup> peer) {
        for (int number = 0; number < own.size(); number++) {
            KvLayout ours = own.get(number).layout();
            KvLayout theirs = peer.get(number).layout();
            if (ours.tpSize() != theirs.tpSize()
                    || !ours.stageLayers().equals(theirs.stageLayers())) {
                return false;
            }
        }
        return true;
    }

    // Undoes itself, so that whoever knows ranks and group finds the route's id again.
    private static TransferId named(TransferId id, int source, int reader, int group) {
        long between = ((long) group << 48 | (long) source << 24 | reader) + 1;
        return new TransferId(id.high(), id.low() ^ mixed(between), id.prompt());
    }

    // SplitMix64 (Steele, Lea, Flood 2014): neighbours differ in half of the bits.
    private static long mixed(long number) {
        long z = number * 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
