// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.engine.KvSlots;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Gives growing answers their KV memory: the blocks behind their own, else others to which the KV
 * is copied. Else a younger request gives its blocks up: the one in the way, or the youngest. It
 * waits then and computes its KV again. An older request never gives way to a younger one, so the
 * oldest goes on whatever happens. Belongs to the scheduler's thread.
 */
final class KvGrowth {

    private static final Comparator<Sequence> BY_ARRIVAL =
            Comparator.comparingLong(Sequence::arrival);

    private final Requests requests;
    private final KvMemory memory;
    private final int growthTokens;
    private boolean stalled;

    KvGrowth(Requests requests, KvMemory memory, int growthTokens) {
        this.requests = requests;
        this.memory = memory;
        this.growthTokens = growthTokens;
    }

    /**
     * The running answers whose next token has its place, after all were given one if possible.
     *
     * @param settling awaits all calls in flight; false if there are none. KV isn't moved, and
     *     nobody gives way, before
     */
    List<Sequence> decodable(BooleanSupplier settling) {
        List<Sequence> oldestFirst = new ArrayList<>(requests.running(Phase.DECODE));
        oldestFirst.sort(BY_ARRIVAL);
        for (Sequence sequence : oldestFirst) {
            // One may have given way to another meanwhile.
            boolean helped = true;
            while (helped && sequence.goesOn() && !sequence.hasRoom()) {
                helped = grownInPlace(sequence, settling) || grownOtherwise(sequence, settling);
            }
        }
        List<Sequence> going = requests.running().stream().filter(Sequence::goesOn).toList();
        List<Sequence> decodable = going.stream().filter(Sequence::hasRoom).toList();
        stalled = decodable.size() < going.size();
        return decodable;
    }

    /** True if an answer waits for memory, so that nobody else may have any. */
    boolean stalled() {
        return stalled;
    }

    /** True if it has its room, or waits for other slots since the memory failed. */
    private boolean grownInPlace(Sequence sequence, BooleanSupplier settling) {
        try {
            return growInPlace(sequence, growthTokens) || growInPlace(sequence, 0);
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            // Tried again when all has landed, and then given up.
            if (!settling.getAsBoolean()) {
                requests.loseKv(sequence, cause);
            }
            return true;
        }
    }

    private boolean growInPlace(Sequence sequence, int growth) {
        KvSlots grown = memory.growInPlace(sequence.slots(), sequence.tokensWith(growth));
        if (grown != null) {
            sequence.onGrown(grown);
        }
        return grown != null;
    }

    /** Settles only where that may help: while one waits for the decoder, it has nothing to do. */
    private boolean grownOtherwise(Sequence sequence, BooleanSupplier settling) {
        if (!requests.releasing() && !mayMove(sequence) && !mayBeMadeRoom(sequence)) {
            return false;
        }
        return settling.getAsBoolean() || grown(sequence) || makeRoom(sequence);
    }

    /** True if there are blocks enough, though not behind its own. */
    private boolean mayMove(Sequence sequence) {
        int wanted = KvMemory.blocksFor(sequence.tokensWith(0));
        // What a connector may still read isn't moved, but copied.
        int own = sequence.attached() ? 0 : sequence.slots().blocks();
        return wanted - own <= memory.freeBlocks();
    }

    private boolean mayBeMadeRoom(Sequence sequence) {
        return sequence.attached() || !younger(sequence).isEmpty() || mayWait(sequence);
    }

    /** True if it has its room, or waits for other slots since its KV couldn't be moved. */
    private boolean grown(Sequence sequence) {
        try {
            return requests.grow(sequence, sequence.tokensWith(growthTokens))
                    || requests.grow(sequence, sequence.tokensWith(0));
        } catch (RuntimeException | Error cause) {
            Failures.rethrowFatal(cause);
            // One request's trouble: thrown on, it would end every turn, of all.
            requests.loseKv(sequence, cause);
            return true;
        }
    }

    /** False if there is nothing to do but wait for those that can't give way now. */
    private boolean makeRoom(Sequence sequence) {
        List<Sequence> younger = younger(sequence);
        if (!younger.isEmpty()) {
            requests.preempt(
                    inTheWay(sequence, younger)
                            .orElseGet(() -> Collections.max(younger, BY_ARRIVAL)));
            return true;
        }
        if (requests.leaveConnector(sequence)) {
            return true;
        }
        if (mayWait(sequence)) {
            requests.preempt(sequence);
        }
        return false;
    }

    /** Younger sequences that may give way to it. */
    private List<Sequence> younger(Sequence sequence) {
        return requests.running().stream()
                .filter(other -> other.arrival() > sequence.arrival())
                .filter(KvGrowth::canGiveWay)
                .toList();
    }

    /** True if the sequence may give way itself: it came last, and others go on. */
    private boolean mayWait(Sequence sequence) {
        return requests.runningCount() > 1
                && requests.running().stream()
                        .noneMatch(other -> other.arrival() > sequence.arrival());
    }

    /** Sequence that keeps another from growing in place. */
    private Optional<Sequence> inTheWay(Sequence sequence, List<Sequence> others) {
        int index =
                memory.inTheWay(sequence.slots(), others.stream().map(Sequence::slots).toList());
        return index < 0 ? Optional.empty() : Optional.of(others.get(index));
    }

    /**
     * False while a connector writes the sequence's blocks, or while its prompt is on its way to
     * another instance.
     */
    private static boolean canGiveWay(Sequence sequence) {
        boolean shared = sequence.hasPeer();
        // The first token of its answer may go along with its prompt's KV.
        return switch (sequence.phase()) {
            case DECODE -> !shared || sequence.answering();
            case PREFILL -> !shared;
            case WAITING, LOADING_NOW, LOADING, ENDED -> false;
        };
    }
}
