// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.connector;

import io.kvlink.djl.engine.KvMemory;
import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvConnectorContext;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvConnectorProvider;
import io.kvlink.spi.KvConnectors;
import io.kvlink.spi.KvError;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvTransferConfig;
import io.kvlink.spi.MemoryRegion;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds, opens and introduces the connector that a configuration names. */
public final class ConnectorSetup {

    private static final Logger log = LoggerFactory.getLogger(ConnectorSetup.class);

    // Names of our own connectors only: the jar that a user forgot.
    private static final Map<String, String> JARS =
            Map.of(
                    "OffloadingConnector",
                    "kvlink-connector-offload",
                    "P2pNcclConnector",
                    "kvlink-connector-p2p-nccl",
                    "SharedStoreConnector",
                    "kvlink-connector-shared-store",
                    "MultiConnector",
                    "kvlink-connector-multi");

    private ConnectorSetup() {}

    /** Opens the connector and registers the KV memory with it; the caller closes it. */
    public static KvConnector open(
            String modelName,
            KvTransferConfig config,
            KvConnectors connectors,
            KvLayout layout,
            KvMemory memory,
            int prefillChunk,
            Runnable wakeup) {
        if (!config.ignoredKeys().isEmpty()) {
            log.warn("kv_transfer_config keys={} have no effect here", config.ignoredKeys());
        }
        if (connectors.hostPool().isEmpty() && config.role().consumes()) {
            log.info(
                    "hostPool=none kv_buffer_size={}; kvlink-tensor-pool's jar would add host memory",
                    config.bufferBytes());
        }
        KvConnector connector =
                named(connectors, config)
                        .create(
                                config,
                                KvConnectorContext.builder(layout, wakeup)
                                        .connectors(connectors)
                                        .modelName(modelName)
                                        .device(memory.device())
                                        .hostPools(connectors.hostPool())
                                        .prefillChunk(prefillChunk)
                                        .build());
        try {
            connector.worker().registerKvMemory(regions(memory));
            return connector;
        } catch (RuntimeException | Error cause) {
            connector.close();
            throw cause;
        }
    }

    public static KvLayout layout(ModelConfig model, String modelId) {
        return KvLayout.single(
                modelId,
                model.layers(),
                model.kvHeads(),
                model.headDim(),
                model.computeType().kvType(),
                KvMemory.BLOCK_TOKENS);
    }

    private static KvConnectorProvider named(KvConnectors connectors, KvTransferConfig config) {
        try {
            return connectors.named(config.connector());
        } catch (KvConnectorException cause) {
            String jar = JARS.get(config.connector());
            if (cause.error() != KvError.NO_SUCH_CONNECTOR || jar == null) {
                throw cause;
            }
            throw new KvConnectorException(
                    KvError.NO_SUCH_CONNECTOR,
                    "kv_connector=%s known=%s; put the jar %s into the plugin folder"
                            .formatted(config.connector(), connectors.names(), jar),
                    cause);
        }
    }

    private static List<MemoryRegion> regions(KvMemory memory) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (int layer = 0; layer < memory.layers(); layer++) {
            regions.add(memory.layerRegion(layer));
        }
        return regions;
    }
}
