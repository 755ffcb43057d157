// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import io.kvlink.p2p.internal.agent.AgentThread;
import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.control.ControlTransport;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.plane.DataPlane;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.TransferOutcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The control thread and a device thread for each data plane, from start to end. Owns the transport
 * and the planes; borrows the memory.
 */
public final class TransferEngine implements AutoCloseable {

    private static final Logger logger = LoggerFactory.getLogger(TransferEngine.class);
    private static final long CLOSE_NS = TimeUnit.SECONDS.toNanos(5);

    private final ControlTransport transport;
    private final ControlAgent control;
    private final AgentThread controlThread;
    private final List<AgentThread> deviceThreads;
    private boolean closed;

    /**
     * Starts the threads.
     *
     * @param transport carries frames; taken
     * @param self who this node is
     * @param planes the data planes, the most wanted first; taken
     * @param limits times
     * @param memory where received KV goes; borrowed until {@link #close} has returned
     * @param stats counts
     * @param sent told of each outbound transfer's end, on the control thread
     * @param wakeup told that an expectation changed, on the control thread
     */
    public TransferEngine(
            ControlTransport transport,
            Frame.Identity self,
            List<DataPlane> planes,
            TransferLimits limits,
            TransferMemory memory,
            TransferStats stats,
            Consumer<TransferOutcome> sent,
            Runnable wakeup) {
        this.transport = transport;
        Map<String, DeviceAgent> devices = new LinkedHashMap<>();
        for (DataPlane plane : planes) {
            devices.put(plane.name(), new DeviceAgent(plane));
        }
        control =
                new ControlAgent(
                        transport,
                        self,
                        devices,
                        limits,
                        memory,
                        stats,
                        new ConcurrentLinkedQueue<>(),
                        outcome -> guard(() -> sent.accept(outcome)),
                        () -> guard(wakeup),
                        System::nanoTime);
        controlThread = new AgentThread("kv-ctl", control, System::nanoTime);
        List<AgentThread> threads = new ArrayList<>();
        for (DeviceAgent device : devices.values()) {
            String name = "kv-dev-" + threads.size();
            threads.add(new AgentThread(name, device, System::nanoTime));
        }
        deviceThreads = List.copyOf(threads);
        deviceThreads.forEach(AgentThread::start);
        controlThread.start();
    }

    // The engine's code runs in the middle of our loops; what it throws is its own.
    private static void guard(Runnable callback) {
        try {
            callback.run();
        } catch (RuntimeException defect) {
            logger.error("the engine's callback threw", defect);
        }
    }

    /** Agent that takes commands. */
    public ControlAgent control() {
        return control;
    }

    /** Reason that nothing more comes or goes here, if so: a thread has ended, or stands still. */
    public Optional<String> fault() {
        return Stream.concat(
                        Stream.of(controlThread.fault(), transport.fault()),
                        deviceThreads.stream().map(AgentThread::fault))
                .flatMap(Optional::stream)
                .findFirst();
    }

    /** Fails what is under way, tells the peers, and joins all threads, within seconds. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            control.beginClose().orTimeout(CLOSE_NS, TimeUnit.NANOSECONDS).join();
        } catch (CompletionException cause) {
            boolean late = cause.getCause() instanceof TimeoutException;
            logger.error(
                    "transfers={} still open at close{}",
                    control.transfers(),
                    late ? "" : ": " + cause);
        }
        long deadlineNs = System.nanoTime() + CLOSE_NS;
        controlThread.stop();
        boolean joined = controlThread.join(deadlineNs);
        deviceThreads.forEach(AgentThread::stop);
        for (AgentThread thread : deviceThreads) {
            joined &= thread.join(deadlineNs);
        }
        if (!joined) {
            logger.error("a thread of the connector did not end within {} ns", CLOSE_NS);
        }
    }
}
