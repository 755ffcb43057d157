// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import io.kvlink.spi.Availability;
import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Store in memory that all instances of a test share, and provider of them. One thread. */
final class MemoryStore implements KvConnectorProvider {

    static final int BLOCK_TOKENS = 32;

    /** KV of a block, and a checksum of it. */
    static final class Block {
        private final byte[] kv;
        private final int checksum;

        Block(byte[] kv) {
            this.kv = kv;
            this.checksum = Arrays.hashCode(kv);
        }

        byte[] kv() {
            return kv;
        }

        boolean intact() {
            return Arrays.hashCode(kv) == checksum;
        }
    }

    private final StoreFault fault;
    // In the order of use.
    private final Map<String, Block> blocks = new LinkedHashMap<>(16, 0.75f, true);
    private long limit = Long.MAX_VALUE;
    private int instances;
    private int opened;

    MemoryStore(StoreFault fault) {
        this.fault = fault;
    }

    boolean has(StoreFault asked) {
        return fault == asked;
    }

    @Override
    public String name() {
        return "store";
    }

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public synchronized KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        long asked = config.extra().integer("limit", Long.MAX_VALUE, 1, Long.MAX_VALUE);
        config.extra().refuseUnknown();
        if (context.device().isPresent()) {
            throw new KvConnectorException(KvError.BAD_CONFIG, "device=" + context.device());
        }
        limit = asked;
        instances++;
        String whose = has(StoreFault.KEEPS_KV_TO_ITSELF) ? "" + opened++ : "all";
        int rank = has(StoreFault.IGNORES_RANKS) ? 0 : context.layout().tpRank();
        String prefix = whose + ":" + context.layout().kvHeads() + ":" + rank + ":";
        KvRole role = config.role();
        return OneAtATime.of(
                this,
                new MemoryStoreConnector(this, role, context.layout(), prefix),
                has(StoreFault.NEEDS_ONE_THREAD)
                        ? new OneAtATime.Wanted(KvScheduler.class, KvWorker.class)
                        : new OneAtATime.Wanted());
    }

    void onClosed() {
        instances--;
        if (instances == 0 && has(StoreFault.DIES_WITH_THE_LAST_INSTANCE)) {
            blocks.clear();
        }
    }

    Optional<Block> read(String name) {
        Block block = has(StoreFault.LETS_THE_OLDEST_GO) ? peek(name) : blocks.get(name);
        if (block == null) {
            return Optional.empty();
        }
        if (!block.intact() && !has(StoreFault.TRUSTS_ITS_BYTES)) {
            blocks.remove(name);
            return Optional.empty();
        }
        return Optional.of(block);
    }

    private Block peek(String name) {
        return blocks.entrySet().stream()
                .filter(entry -> entry.getKey().equals(name))
                .map(Map.Entry::getValue)
                .findAny()
                .orElse(null);
    }

    /** Keeps a block; the names of those that made room for it. */
    List<String> write(String name, byte[] kv) {
        List<String> removed = new ArrayList<>();
        byte[] kept = kv;
        if (has(StoreFault.MIXES_TWO_WRITERS) && blocks.containsKey(name)) {
            kept[0]++;
        }
        blocks.put(name, new Block(kept));
        while (blocks.size() * (long) kv.length > limit && !has(StoreFault.NEVER_MAKES_ROOM)) {
            String oldest = blocks.keySet().iterator().next();
            blocks.remove(oldest);
            removed.add(oldest);
        }
        return removed;
    }

    /** Changes a byte of every block. */
    boolean damage() {
        blocks.values().forEach(block -> block.kv[block.kv.length / 2]++);
        return true;
    }

    /** Names of a prompt's blocks. */
    List<BlockHash> names(int[] tokens, String model, String salt) {
        String ofModel = has(StoreFault.IGNORES_MODELS) ? "" : model;
        String ofSalt = has(StoreFault.IGNORES_SALTS) ? "" : salt;
        if (!has(StoreFault.NAMES_BLOCKS_BY_THEIR_OWN_TOKENS)) {
            return BlockHash.chain(tokens, tokens.length, BLOCK_TOKENS, ofModel, ofSalt);
        }
        return IntStream.range(0, tokens.length / BLOCK_TOKENS)
                .mapToObj(
                        i ->
                                BlockHash.chain(
                                                Arrays.copyOfRange(
                                                        tokens,
                                                        i * BLOCK_TOKENS,
                                                        (i + 1) * BLOCK_TOKENS),
                                                BLOCK_TOKENS,
                                                BLOCK_TOKENS,
                                                ofModel,
                                                ofSalt)
                                        .get(0))
                .toList();
    }
}
