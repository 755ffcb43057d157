// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.p2p.internal.agent.DeviceAgent;
import io.kvlink.p2p.internal.arrival.AwaitedKv;
import io.kvlink.p2p.internal.arrival.Expectation;
import io.kvlink.p2p.internal.control.Frame;
import io.kvlink.p2p.internal.memory.KvBuffer;
import io.kvlink.p2p.internal.memory.LayerLeases;
import io.kvlink.p2p.internal.memory.ReceiveBuffer;
import io.kvlink.p2p.internal.memory.TransferMemory;
import io.kvlink.p2p.internal.send.SavedKv;
import io.kvlink.p2p.internal.sim.SimFabric;
import io.kvlink.p2p.internal.sim.SimNetwork;
import io.kvlink.p2p.internal.transfer.Chunks;
import io.kvlink.p2p.internal.transfer.PromptDigest;
import io.kvlink.p2p.internal.transfer.TransferLimits;
import io.kvlink.p2p.internal.transfer.TransferStats;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvRequest;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Many nodes in one thread: the real control agents, device agents and memory over a simulated
 * network, simulated devices and a fake clock. A seed decides every step, so a failure repeats.
 */
final class Simulation {

    static final int LAYERS = 4;
    static final KvLayout LAYOUT = KvLayout.single("m", LAYERS, 1, 2, DType.I8, 4);
    static final List<KvLayerGroup> GROUPS = List.of(KvLayerGroup.all(LAYOUT));
    private static final long MS = 1_000_000L;
    static final TransferLimits LIMITS =
            new TransferLimits(10_000 * MS, 2_000 * MS, 3_000 * MS, 60_000 * MS, 5_000 * MS);

    final Random random;
    final SimNetwork network = new SimNetwork();
    final SimFabric fabric;
    final List<Node> prefills = new ArrayList<>();
    final List<Node> decodes = new ArrayList<>();
    final List<Transfer> transfers = new ArrayList<>();
    private final boolean get;
    // How the prefill instances cut their prompts.
    final int chunkTokens;
    // What a node's other threads do while its device thread reports.
    Consumer<Node> meanwhile = this::othersRun;
    long nowNs = -5_000_000_000L; // Wraps past zero on the way, as nanoTime may.

    Simulation(long seed, boolean get) {
        this(seed, get, (int) (seed % 4) * 3);
    }

    Simulation(long seed, boolean get, int chunkTokens) {
        random = new Random(seed);
        this.chunkTokens = chunkTokens;
        fabric = new SimFabric(seed % 2 == 0);
        this.get = get;
    }

    /** Makes a node's memory of so many bytes. */
    LongFunction<KvBuffer> buffers = ReceiveBuffer::new;

    /** One instance. */
    final class Node {
        final HostPort address;
        final long memoryBytes;
        long epoch = 1;
        TransferMemory memory;
        DeviceAgent device;
        ControlAgent control;
        SimCommands commands;
        final Queue<TransferOutcome> sent = new ArrayDeque<>();
        boolean alive;

        Node(HostPort address, long memoryBytes) {
            this.address = address;
            this.memoryBytes = memoryBytes;
            start();
        }

        void start() {
            memory = new TransferMemory(buffers.apply(memoryBytes), null);
            commands = new SimCommands(() -> meanwhile.accept(this));
            String endpoint = address + "/" + epoch;
            device = new DeviceAgent(fabric.join(endpoint));
            Frame.Identity self =
                    new Frame.Identity(
                            "e" + address.port(),
                            epoch,
                            address,
                            GROUPS,
                            chunkTokens,
                            List.of(new Frame.Plane("sim", endpoint)));
            control =
                    new ControlAgent(
                            network.join(address),
                            self,
                            Map.of("sim", device),
                            LIMITS,
                            memory,
                            new TransferStats(),
                            commands,
                            sent::add,
                            () -> {},
                            () -> nowNs);
            alive = true;
        }

        int stepDevice() {
            return commands.report(device, nowNs);
        }

        void kill() {
            alive = false;
            network.kill(address);
            fabric.kill(address + "/" + epoch);
            for (Transfer transfer : transfers) {
                transfer.onKilled(this);
            }
        }

        void restart() {
            epoch++;
            sent.clear();
            start();
        }
    }

    /** One request's hand-over, played by two engines. */
    final class Transfer {
        final Node prefill;
        final Node decode;
        // The producer's and the consumer's: either may do without an attachment.
        final KvRequest produced;
        final KvRequest request;
        // As the producer cuts it, and in one.
        final Chunks chunks;
        final Chunks whole;
        // Of the whole prompt.
        final List<byte[]> content = new ArrayList<>();
        final byte[] attachment = new byte[random.nextInt(50)];
        // Whether the producer attaches it when it comes to it.
        boolean attachesContent;
        boolean attached;
        int arrivedTokens;
        @Nullable SavedKv outbound;
        @Nullable AwaitedKv expectation;
        int saved;
        int loaded;
        boolean sendOver;
        boolean receiveOver;
        boolean arrived;
        String failure = "";
        // Comes when this one is over; of every other transfer.
        final SecondRequest second = new SecondRequest(this);

        Transfer(Node prefill, Node decode, int tokens, int number) {
            this(prefill, decode, tokens, number, random.nextInt(3) > 0, random.nextInt(3) > 0);
        }

        Transfer(
                Node prefill,
                Node decode,
                int tokens,
                int number,
                boolean attaches,
                boolean wantsAttachment) {
            this.prefill = prefill;
            this.decode = decode;
            TransferId id = new TransferId(7, number, 0);
            int[] prompt = random.ints(tokens + 1, 0, 1000).toArray();
            TransferRoute route = new TransferRoute(prefill.address, decode.address, id);
            request =
                    KvRequest.builder("r" + number, prompt)
                            .route(route)
                            .attachment(wantsAttachment)
                            .build();
            produced =
                    KvRequest.builder("r" + number, prompt)
                            .route(route)
                            .attachment(attaches)
                            .build();
            chunks = Chunks.of(tokens, chunkTokens, attaches);
            whole = new Chunks(tokens + 1, tokens + 1, false, 0);
            random.nextBytes(attachment);
            attachesContent = random.nextInt(4) > 0;
            for (int layer = 0; layer < LAYERS; layer++) {
                byte[] bytes = new byte[Math.toIntExact(LAYOUT.layerBytes(tokens + 1))];
                random.nextBytes(bytes);
                content.add(bytes);
            }
            if (number % 2 == 1) {
                second.giveUp();
            }
        }

        boolean over() {
            return sendOver && receiveOver && second.over();
        }

        void onKilled(Node node) {
            if (node == prefill) {
                sendOver = true;
                outbound = null;
            }
            if (node == decode) {
                receiveOver = true;
                expectation = null;
                second.giveUp();
            }
        }

        /** The prefill engine does one thing. */
        boolean stepPrefill() {
            if (sendOver || !prefill.alive) {
                return false;
            }
            SavedKv out = outbound;
            if (out == null) {
                LayerLeases leases =
                        get
                                ? prefill.memory.tryLease(
                                        LAYERS, LAYOUT.layerBytes(chunks.allTokens()), request.id())
                                : null;
                if (get && leases == null) {
                    return false; // The engine computes it later.
                }
                out =
                        new SavedKv(
                                produced,
                                GROUPS,
                                chunks,
                                digest(),
                                get,
                                leases == null ? List.of() : List.of(leases));
                outbound = out;
                prefill.control.start(out);
                return true;
            }
            if (saved < LAYERS * chunks.count() && !out.ended()) {
                save(out, saved % LAYERS, saved / LAYERS);
                saved++;
                prefill.control.saved(out);
                return true;
            }
            if (produced.attachment() && !attached && !out.ended()) {
                attached = true;
                prefill.control.attach(
                        out,
                        attachesContent
                                ? Optional.of(ByteBuffer.wrap(attachment))
                                : Optional.empty());
                return true;
            }
            if (out.ended()) {
                out.letGo();
                sendOver = true;
                return true;
            }
            return false;
        }

        long digest() {
            return PromptDigest.of(request.promptTokens(), request.promptTokens().length);
        }

        private void save(SavedKv out, int layer, int chunk) {
            MemoryRegion all = MemoryRegion.ofBuffer(ByteBuffer.wrap(content.get(layer)));
            int from = chunks.from(chunk);
            int to = chunks.to(chunk);
            List<MemoryRegion> source = whole.tokens(all, from, to, 2);
            if (out.copied()) {
                MemoryRegion held = out.held(0, layer, chunk);
                ByteBuffer copy = held.buffer();
                source.forEach(region -> copy.put(region.buffer()));
                source = List.of(held);
            }
            out.save(layer, chunk, source, LAYOUT.layerBytes(to - from), null);
        }

        /** The decode engine does one thing. */
        boolean stepDecode() {
            if (receiveOver || !decode.alive) {
                return receiveOver && second.step();
            }
            AwaitedKv wait = expectation;
            if (wait == null) {
                wait = new AwaitedKv(request, digest(), GROUPS);
                expectation = wait;
                decode.control.expect(wait);
                return true;
            }
            if (Waits.status(wait) instanceof Expectation.Ready ready) {
                if (loaded < LAYERS && ready.arrival().here(loaded)) {
                    loaded++;
                    return true;
                }
                // What was here stays as it was until it is released, also when the rest fails.
                for (int layer = 0; layer < loaded; layer++) {
                    int tokens = chunks.tokens() + (ready.attachment().isPresent() ? 1 : 0);
                    MemoryRegion all = MemoryRegion.ofBuffer(ByteBuffer.wrap(content.get(layer)));
                    assertThat(
                                    bytes(
                                            ready.chunks()
                                                    .tokens(
                                                            ready.layers().get(layer),
                                                            0,
                                                            tokens,
                                                            2)))
                            .as("%s layer %d", request, layer)
                            .isEqualTo(bytes(whole.tokens(all, 0, tokens, 2)));
                }
                ready.attachment()
                        .ifPresent(came -> assertThat(came).isEqualTo(ByteBuffer.wrap(attachment)));
                Expectation.Failed late = ready.failure();
                if (loaded == LAYERS) {
                    arrived = true;
                    arrivedTokens = chunks.tokens() + (ready.attachment().isPresent() ? 1 : 0);
                } else if (late != null) {
                    failure = late.error() + " " + late.detail();
                } else {
                    return false; // The engine waits within its step.
                }
            } else if (Waits.status(wait) instanceof Expectation.Failed failed) {
                failure = failed.error() + " " + failed.detail();
            } else {
                return false;
            }
            decode.control.release(wait);
            receiveOver = true;
            return true;
        }
    }

    private static byte[] bytes(List<MemoryRegion> regions) {
        ByteBuffer all =
                ByteBuffer.allocate((int) regions.stream().mapToLong(MemoryRegion::bytes).sum());
        regions.forEach(region -> all.put(region.buffer()));
        return all.array();
    }

    void nodes(int p, int d, long prefillBytes, long decodeBytes) {
        for (int i = 0; i < p; i++) {
            prefills.add(new Node(new HostPort("p", 100 + i), prefillBytes));
        }
        for (int i = 0; i < d; i++) {
            decodes.add(new Node(new HostPort("d", 200 + i), decodeBytes));
        }
    }

    void transfers(int count, int mostTokens) {
        for (int i = 0; i < count; i++) {
            transfers.add(
                    new Transfer(
                            prefills.get(random.nextInt(prefills.size())),
                            decodes.get(random.nextInt(decodes.size())),
                            1 + random.nextInt(mostTokens),
                            i));
        }
    }

    /** One random step; false if nothing at all could be done but to let time pass. */
    boolean step() {
        List<Node> nodes = new ArrayList<>(prefills);
        nodes.addAll(decodes);
        Node node = nodes.get(random.nextInt(nodes.size()));
        Transfer transfer = transfers.get(random.nextInt(transfers.size()));
        return switch (random.nextInt(6)) {
            case 0 -> node.alive && node.control.doWork(nowNs) > 0;
            case 1 -> node.alive && node.stepDevice() > 0;
            case 2 -> network.deliverOne(random);
            case 3 -> fabric.runOne(random);
            case 4 -> transfer.stepPrefill();
            default -> transfer.stepDecode();
        };
    }

    /** Lets one node do all it can now, once. */
    void stepNode(Node node) {
        node.control.doWork(nowNs);
        node.stepDevice();
    }

    // A random one of its requests does all it can, and its control thread takes a turn.
    private void othersRun(Node node) {
        if (transfers.isEmpty() || random.nextInt(3) == 0) {
            return;
        }
        Transfer transfer = transfers.get(random.nextInt(transfers.size()));
        boolean worked = true;
        while (worked) {
            worked =
                    (transfer.decode == node && transfer.stepDecode())
                            || (transfer.prefill == node && transfer.stepPrefill());
        }
        if (random.nextBoolean()) {
            node.control.doWork(nowNs);
        }
    }

    /** Lets everybody do all they can now, once; false if there was nothing. */
    boolean sweep() {
        boolean worked = false;
        for (List<Node> nodes : List.of(prefills, decodes)) {
            for (Node node : nodes) {
                worked |= node.alive && node.control.doWork(nowNs) > 0;
                worked |= node.alive && node.stepDevice() > 0;
            }
        }
        worked |= network.deliverOne(random);
        worked |= fabric.runOne(random);
        for (Transfer transfer : transfers) {
            worked |= transfer.stepPrefill();
            worked |= transfer.stepDecode();
        }
        return worked;
    }

    /**
     * Runs until all transfers are over.
     *
     * @param mostMs most simulated time
     * @return simulated milliseconds
     */
    long run(long mostMs, Runnable now) {
        long startNs = nowNs;
        while (!transfers.stream().allMatch(Transfer::over)) {
            now.run();
            boolean worked = false;
            for (int i = 0; i < 40; i++) {
                worked |= step();
            }
            if (!worked && !sweep()) {
                nowNs += 5 * MS;
            } else if (random.nextInt(20) == 0) {
                nowNs += random.nextInt(3) * MS;
            }
            if (nowNs - startNs > mostMs * MS) {
                break;
            }
        }
        return (nowNs - startNs) / MS;
    }

    /** Lets what is still in flight come to rest, without new work, for so long. */
    void settle(long forMs) {
        long untilNs = nowNs + forMs * MS;
        while (nowNs < untilNs) {
            if (!sweep()) {
                nowNs += 20 * MS;
            }
        }
    }

    /** Memory, leases and transfers that living nodes still hold, by node. */
    Map<HostPort, String> held() {
        Map<HostPort, String> held = new LinkedHashMap<>();
        for (List<Node> nodes : List.of(prefills, decodes)) {
            for (Node node : nodes) {
                if (node.alive) {
                    long bytes = node.memory.bufferBytes() + node.memory.poolBytes();
                    if (bytes != 0 || node.memory.leases() != 0 || node.control.transfers() != 0) {
                        held.put(
                                node.address,
                                "bytes=%d leases=%d transfers=%d"
                                        .formatted(
                                                bytes,
                                                node.memory.leases(),
                                                node.control.transfers()));
                    }
                }
            }
        }
        return held;
    }

    List<Transfer> notArrived() {
        return transfers.stream().filter(transfer -> !transfer.arrived).toList();
    }
}
