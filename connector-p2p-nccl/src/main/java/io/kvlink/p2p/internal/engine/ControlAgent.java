// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import io.kvlink.p2p.internal.agent.Agent;
import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.receive.Inbox;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.send.Sender;
import io.kvlink.p2p.internal.session.Session;
import io.kvlink.p2p.internal.session.Sessions;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferOutcome;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The control thread's work: frames in and out, and the state machines of all transfers. Never
 * waits for a transfer or a peer. Other threads hand it commands; there are at most a few for each
 * layer in flight, so the queue needs no bound of its own.
 */
public final class ControlAgent implements Agent, Executor, Sessions.Listener {

    private static final int COMMANDS_PER_CYCLE = 256;
    private static final int FRAMES_PER_CYCLE = 64;
    private static final long TICK_NS = TimeUnit.MILLISECONDS.toNanos(5);

    private final ControlTransport transport;
    private final Sessions sessions;
    private final Sender sender;
    private final Inbox inbox;
    private final Queue<Runnable> commands;

    // Written by the control thread, read by any.
    private volatile int transfers;
    private volatile int peers;

    // Completed by the control thread when a closing agent has no transfer left.
    private final CompletableFuture<Void> drained = new CompletableFuture<>();

    private boolean closing;
    private long lastTickNs;

    ControlAgent(
            ControlTransport transport,
            Frame.Identity self,
            Map<String, DeviceAgent> devices,
            TransferLimits limits,
            TransferMemory memory,
            TransferStats stats,
            Queue<Runnable> commands,
            Consumer<TransferOutcome> sent,
            Runnable wakeup,
            LongSupplier clock) {
        this.transport = transport;
        this.commands = commands;
        lastTickNs = clock.getAsLong() - TICK_NS;
        sessions = new Sessions(transport, self, devices, limits, stats, this, clock);
        sender = new Sender(sessions, self.groups(), limits, stats, this, sent, clock);
        inbox = new Inbox(sessions, limits, self.groups(), memory, stats, this, wakeup, clock);
    }

    /** Hands the control thread a command. From any thread. */
    @Override
    public void execute(Runnable command) {
        commands.add(command);
        transport.wakeup();
    }

    /** Some KV is about to be saved. From the engine's thread. */
    public void start(SavedKv kv) {
        execute(() -> sender.start(kv));
    }

    /** Some KV can't be saved. From the engine's thread. */
    public void refuse(SavedKv kv, KvError error, String detail) {
        execute(() -> sender.refuse(kv, error, detail));
    }

    /** Pieces were saved. From the engine's thread. */
    public void saved(SavedKv kv) {
        // An offer's answer looks at all that is saved by then, so nobody is woken before it.
        if (!kv.offered() && kv.announce()) {
            execute(
                    () -> {
                        kv.heard();
                        sender.onSaved(kv);
                    });
        }
    }

    /** Not all pieces of some KV will be saved. From the engine's thread. */
    public void abort(SavedKv kv) {
        execute(() -> sender.abort(kv));
    }

    /** Says that all of some KV is saved, and that this goes with it. From the engine's thread. */
    public void attach(SavedKv kv, Optional<ByteBuffer> content) {
        execute(() -> sender.attach(kv, content));
    }

    /** A request waits for its KV. From the engine's thread. */
    public void expect(AwaitedKv kv) {
        execute(() -> inbox.expect(kv));
    }

    /** A request no longer reads or wants its KV. From the engine's thread. */
    public void release(AwaitedKv kv) {
        execute(() -> inbox.release(kv));
    }

    /** Transfers that haven't ended. From any thread. */
    public int transfers() {
        return transfers;
    }

    /** Peers with an open session. From any thread. */
    public int peers() {
        return peers;
    }

    @Override
    public int doWork(long nowNs) {
        int workCount = 0;
        Runnable command;
        while (workCount < COMMANDS_PER_CYCLE && (command = commands.poll()) != null) {
            command.run();
            workCount++;
        }
        workCount += transport.poll(sessions::onFrame, FRAMES_PER_CYCLE);
        if (nowNs - lastTickNs >= TICK_NS) {
            lastTickNs = nowNs;
            sessions.tick();
            sender.tick();
            inbox.tick();
        }
        transfers = sender.transfers() + inbox.transfers();
        peers = sessions.openSessions();
        if (closing && transfers == 0) {
            drained.complete(null);
        }
        return workCount;
    }

    @Override
    public void idle(long maxNs) {
        transport.idle(Math.min(maxNs, TICK_NS));
    }

    @Override
    public void wakeup() {
        transport.wakeup();
    }

    /**
     * Fails what is under way. From any thread.
     *
     * @return completed when the devices have let go of all memory
     */
    CompletableFuture<Void> beginClose() {
        execute(
                () -> {
                    closing = true;
                    sender.close();
                    inbox.close();
                    sessions.close(); // Ends what the devices are still busy with.
                });
        return drained;
    }

    @Override
    public void onClose() {
        transport.close();
    }

    @Override
    public void onOpen(Session session) {
        sender.onSessionOpen(session);
        inbox.onSessionOpen(session);
    }

    @Override
    public void onEnded(Session session, KvError error, String detail) {
        sender.onSessionEnded(session, error, detail);
        inbox.onSessionEnded(session, error, detail);
    }

    @Override
    public void onTransferFrame(Session session, Frame frame) {
        sender.onFrame(session, frame);
        if (frame instanceof Frame.Offer offer) {
            inbox.onOffer(session, offer);
        } else if (frame instanceof Frame.Saved saved) {
            inbox.onSaved(session, saved);
        } else if (frame instanceof Frame.Attachment attachment) {
            inbox.onAttachment(session, attachment);
        } else if (frame instanceof Frame.Cancel cancel) {
            inbox.onCancel(session, cancel);
        }
    }
}
