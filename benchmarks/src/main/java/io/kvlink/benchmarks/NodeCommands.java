// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import io.kvlink.p2p.internal.cuda.DriverDevice;
import io.kvlink.p2p.internal.cuda.JavaCppNccl;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Commands for engines with a connector, and questions about them. */
final class NodeCommands {

    private NodeCommands() {}

    /** Answer of a command without a result. */
    record Done() {
        static final Done DONE = new Done();
    }

    /** The process's clock. */
    record Clock() implements NodeCommand<Long> {
        @Override
        public Long run(NodeEngine engine) {
            return System.nanoTime();
        }
    }

    /** Number of GPUs that the process sees; 0 without driver or bindings. */
    record Gpus() implements NodeCommand<Integer> {
        @Override
        public Integer run(NodeEngine engine) {
            try {
                return DriverDevice.count();
            } catch (RuntimeException | LinkageError cause) {
                return 0;
            }
        }
    }

    /** Device, driver and libraries of a GPU's engine, in words. */
    record GpuFacts(int ordinal, boolean nccl) implements NodeCommand<String> {
        @Override
        public String run(NodeEngine engine) throws IOException {
            String facts =
                    DriverCalls.deviceName(ordinal)
                            + ", driver "
                            + driver()
                            + ", CUDA "
                            + DriverCalls.cudaVersion();
            if (nccl) {
                int version = JavaCppNccl.open(engine.deviceMemory().gpu()).version();
                facts +=
                        ", NCCL %d.%d.%d"
                                .formatted(version / 10_000, version / 100 % 100, version % 100);
            }
            return facts;
        }

        private static String driver() throws IOException {
            Path file = Path.of("/proc/driver/nvidia/version");
            if (!Files.isReadable(file)) {
                return "unknown";
            }
            String line = Files.readString(file).lines().findFirst().orElse("");
            return line.replaceAll(".*?(\\d+\\.\\d+(\\.\\d+)?).*", "$1");
        }
    }

    /** Takes memory. */
    record Take(NodeEngine.Shape shape) implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            engine.take(shape);
            return Done.DONE;
        }
    }

    /** Gives connector and memory back. */
    record GiveBack() implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            engine.giveBack();
            return Done.DONE;
        }
    }

    /** Opens a connector; its address. */
    record Connect(
            String role,
            String plane,
            String sendType,
            int channels,
            long bufferBytes,
            double poolGib)
            implements NodeCommand<String> {
        @Override
        public String run(NodeEngine engine) {
            return engine.connect(
                    Map.of(
                            "kv_connector",
                            "P2pNcclConnector",
                            "kv_role",
                            role,
                            "kv_ip",
                            "127.0.0.1",
                            "kv_port",
                            0,
                            "kv_buffer_size",
                            bufferBytes,
                            "kv_connector_extra_config",
                            Map.of(
                                    "send_type",
                                    sendType,
                                    "data_plane",
                                    plane,
                                    "nccl_num_channels",
                                    channels,
                                    "mem_pool_size_gb",
                                    poolGib)));
        }
    }

    /** Closes the connector. */
    record Disconnect() implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            engine.disconnect();
            return Done.DONE;
        }
    }

    /** Prefill steps. */
    record Send(List<List<Hop>> steps, long atNs) implements NodeCommand<BenchmarkEngine.Sent> {
        @Override
        public BenchmarkEngine.Sent run(NodeEngine engine) {
            List<List<BenchmarkEngine.Placed>> placed =
                    steps.stream().map(step -> step.stream().map(engine::place).toList()).toList();
            return engine.engine().send(placed, atNs, 0);
        }
    }

    /** Loads; has begun once the connector expects all. */
    record Receive(List<Hop> hops) implements NodeCommand<BenchmarkEngine.Received> {
        @Override
        public BenchmarkEngine.Received run(NodeEngine engine) {
            return engine.engine()
                    .receive(hops.stream().map(engine::place).toList(), engine::begun);
        }
    }

    /** Fills the blocks of requests. */
    record Fill(List<Hop> hops, long seed) implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            for (Hop hop : hops) {
                engine.contents().fill(engine.blocks(hop), hop.tokens(), seed + hop.pair());
            }
            return Done.DONE;
        }
    }

    /** Poisons all memory. */
    record Poison() implements NodeCommand<Done> {
        @Override
        public Done run(NodeEngine engine) {
            engine.contents().poison();
            return Done.DONE;
        }
    }

    /**
     * Wrong words of 8 bytes in memory.
     *
     * @param different words of the requests that aren't what the producer has
     * @param stray words that were written to and are no request's
     */
    record Wrong(long different, long stray) {}

    /** Compares the blocks of requests, which are all that was written to. */
    record Check(List<Hop> hops, long seed) implements NodeCommand<Wrong> {
        @Override
        public Wrong run(NodeEngine engine) {
            KvContents contents = engine.contents();
            long different = 0;
            long words = 0;
            for (Hop hop : hops) {
                different +=
                        contents.differences(engine.blocks(hop), hop.tokens(), seed + hop.pair());
                words +=
                        engine.layout().layerBytes(hop.tokens())
                                * engine.layout().layers()
                                / Long.BYTES;
            }
            return new Wrong(different, contents.written() - words);
        }
    }

    /** Processor time and memory that the process has used so far. */
    record Use() implements NodeCommand<Usage> {
        @Override
        public Usage run(NodeEngine engine) {
            return Usage.now();
        }
    }
}
