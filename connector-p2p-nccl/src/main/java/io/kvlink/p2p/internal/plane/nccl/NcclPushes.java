// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaDevice;
import io.kvlink.p2p.internal.plane.pull.Link;
import io.kvlink.p2p.internal.plane.pull.Move;
import io.kvlink.p2p.internal.plane.pull.PullPart;
import io.kvlink.p2p.internal.plane.pull.Wire;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The moves that leave by NCCL. Gathers them where they lie in too many runs, and posts each pull
 * as one group, all links' in order. Owns the staging buffer, what waits for a slot of it, and what
 * was gathered for nothing. A slot is given back, and its moves are reported as sent, once the
 * device reads neither the slot nor their sources. Device thread.
 */
final class NcclPushes implements AutoCloseable {

    // Further than any arena is long: parts of two regions never touch.
    private static final long APART = 1L << 50;

    /** Moves of one pull. */
    private record Pushed(Link link, NcclPair to, List<Move> moves) {}

    private final CudaDevice device;
    private final Wire.Listener listener;
    private final StagingBuffer staging;
    // Pushed, and waiting for room in the staging buffer; in order, all links'.
    private final ArrayDeque<Pushed> pushed = new ArrayDeque<>();
    // Gathered, or half of it, and not to be sent: the device may still read their sources.
    private final List<Leaving> halfGathered = new ArrayList<>();

    NcclPushes(CudaDevice device, Wire.Listener listener, long groupBytes) {
        this.device = device;
        this.listener = listener;
        staging = new StagingBuffer(device, groupBytes);
    }

    /** Moves of one pull are to go out, behind all that were pushed before. */
    void push(Link link, NcclPair to, List<Move> moves) {
        pushed.add(new Pushed(link, to, moves));
        postPushed();
    }

    // Gathers and posts in order, as far as there is room.
    private void postPushed() {
        for (Pushed head; (head = pushed.peek()) != null; ) {
            boolean gathers = !head.moves.stream().allMatch(NcclPushes::direct);
            StagingBuffer.Slot slot = null;
            try {
                slot = gathers ? staging.take() : null;
            } catch (KvConnectorException cause) {
                pushed.remove();
                listener.onWireFailed(head.link, String.valueOf(cause.getMessage()));
                listener.onSent(head.link, head.moves);
                continue;
            }
            if (gathers && slot == null) {
                return;
            }
            pushed.remove();
            post(head, slot);
        }
    }

    private static boolean direct(Move move) {
        return !MessageLayout.direct(move.send().op().source()).isEmpty();
    }

    private void post(Pushed push, StagingBuffer.@Nullable Slot slot) {
        Leaving leaving = new Leaving(push, slot);
        try {
            List<NcclMessage> parts = slot == null ? asTheyLie(push) : gather(push, slot);
            push.to.post(parts, slot == null ? null : slot.gathered(), leaving);
        } catch (KvConnectorException cause) {
            boolean gathering = slot != null && staging.abandon(slot);
            if (gathering) {
                halfGathered.add(leaving);
            }
            listener.onWireFailed(push.link, String.valueOf(cause.getMessage()));
            if (!gathering) {
                leaving.end();
            }
        }
    }

    private static List<NcclMessage> asTheyLie(Pushed push) {
        List<NcclMessage> parts = new ArrayList<>();
        push.moves.forEach(move -> addRuns(parts, move));
        return parts;
    }

    private static void addRuns(List<NcclMessage> parts, Move move) {
        for (Move.Run run : move.runs()) {
            parts.add(new NcclMessage(run.address(), run.bytes()));
        }
    }

    private List<NcclMessage> gather(Pushed push, StagingBuffer.Slot slot) {
        MessageLayout there = new MessageLayout();
        List<NcclMessage> here = new ArrayList<>();
        long used = 0;
        for (Move move : push.moves) {
            PullPart part = move.part();
            long place = part.region() * APART + part.at();
            if (direct(move)) {
                there.addDirect(place, List.of(part.bytes()));
                addRuns(here, move);
                continue;
            }
            boolean grows = there.addGathered(place, part.bytes());
            if (!grows) {
                used = (used + StagingBuffer.ALIGNMENT - 1) & -StagingBuffer.ALIGNMENT;
            }
            long at = staging.gather(slot, used, move);
            if (grows) {
                NcclMessage before = here.remove(here.size() - 1);
                here.add(new NcclMessage(before.address(), before.bytes() + part.bytes()));
            } else {
                here.add(new NcclMessage(at, part.bytes()));
            }
            used += part.bytes();
        }
        staging.finish(slot);
        return here;
    }

    /** A group on its way out. */
    private final class Leaving implements NcclGroup.Listener {
        private final Pushed push;
        private final StagingBuffer.@Nullable Slot slot;

        Leaving(Pushed push, StagingBuffer.@Nullable Slot slot) {
            this.push = push;
            this.slot = slot;
        }

        @Override
        public void onDone(NcclGroup group) {
            end();
        }

        @Override
        public void onFailed(NcclGroup group, KvError error, String detail) {
            // NCCL doesn't read it; that it failed the link's end tells.
            if (gathered()) {
                end();
            } else {
                halfGathered.add(this);
            }
        }

        /** True if the device has passed what it had of the gathering. */
        boolean gathered() {
            try {
                return slot == null || device.complete(slot.gathered());
            } catch (KvConnectorException cause) {
                return true; // The context is lost, and runs nothing.
            }
        }

        void end() {
            if (slot != null) {
                staging.giveBack(slot);
            }
            listener.onSent(push.link, push.moves);
        }
    }

    /** Ends what was gathered for nothing, and posts what there is room for now. */
    int poll() {
        int workCount = 0;
        for (Leaving each : List.copyOf(halfGathered)) {
            if (each.gathered()) {
                halfGathered.remove(each);
                each.end();
                workCount++;
            }
        }
        if (!pushed.isEmpty()) {
            postPushed();
        }
        return workCount;
    }

    /** True if the device may read sources that will not be sent. */
    boolean halfGathered() {
        return !halfGathered.isEmpty();
    }

    /** True if the device may read sources of a link that will not be sent. */
    boolean halfGathered(Link link) {
        return halfGathered.stream().anyMatch(each -> each.push.link == link);
    }

    /** True if moves of a link wait for a slot. */
    boolean waits(Link link) {
        return pushed.stream().anyMatch(each -> each.link == link);
    }

    /** Frees the staging buffer; nothing is being sent. */
    @Override
    public void close() {
        staging.close();
    }
}
