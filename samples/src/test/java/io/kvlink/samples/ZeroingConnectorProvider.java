// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import io.kvlink.p2p.P2pNcclConnectorProvider;
import io.kvlink.spi.Availability;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLedger;
import io.kvlink.spi.KvMetric;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.KvSpi;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.KvWorker;
import io.kvlink.spi.MemoryRegion;
import io.kvlink.spi.StepMetadata;
import io.kvlink.spi.WorkerReport;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The real connector, but every layer it loads is overwritten with zeros. */
public final class ZeroingConnectorProvider implements KvConnectorProvider {

    static final String NAME = "ZeroingConnector";

    @Override
    public int spiVersion() {
        return KvSpi.VERSION;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Availability availability() {
        return Availability.usable();
    }

    @Override
    public KvConnector create(KvTransferConfig config, KvConnectorContext context) {
        KvConnector real = new P2pNcclConnectorProvider().create(config, context);
        KvWorker worker = new ZeroingWorker(real.worker(), context.layout());
        return new KvConnector() {
            @Override
            public KvScheduler scheduler() {
                return real.scheduler();
            }

            @Override
            public KvWorker worker() {
                return worker;
            }

            @Override
            public Set<KvCapability> capabilities() {
                return real.capabilities();
            }

            @Override
            public Optional<HostPort> address() {
                return real.address();
            }

            @Override
            public KvLedger ledger() {
                return real.ledger();
            }

            @Override
            public List<KvMetric> metrics() {
                return real.metrics();
            }

            @Override
            public void close() {
                real.close();
            }
        };
    }

    private static final class ZeroingWorker implements KvWorker {
        private final KvWorker real;
        private final KvLayout layout;
        private List<MemoryRegion> layers = List.of();
        private StepMetadata step = StepMetadata.EMPTY;

        ZeroingWorker(KvWorker real, KvLayout layout) {
            this.real = real;
            this.layout = layout;
        }

        @Override
        public void registerKvMemory(List<MemoryRegion> layers) {
            this.layers = layers;
            real.registerKvMemory(layers);
        }

        @Override
        public void startLoad(StepMetadata step) {
            this.step = step;
            real.startLoad(step);
        }

        @Override
        public void awaitLayer(int layer, long deadlineNs) {
            real.awaitLayer(layer, deadlineNs);
            MemoryRegion region = layers.get(layer);
            for (StepMetadata.Task task : step.loads()) {
                for (KvLayout.Run run :
                        layout.runs(
                                task.blocks(), task.fromToken(), task.toToken(), region.bytes())) {
                    ByteBuffer bytes = region.slice(run.offset(), run.bytes()).buffer();
                    bytes.put(new byte[bytes.remaining()]);
                }
            }
        }

        @Override
        public void saveLayer(int layer) {
            real.saveLayer(layer);
        }

        @Override
        public boolean awaitSaves(long deadlineNs) {
            return real.awaitSaves(deadlineNs);
        }

        @Override
        public WorkerReport pollFinished() {
            return real.pollFinished();
        }
    }
}
