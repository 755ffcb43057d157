// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvConnector;
import io.kvlink.spi.KvError;
import io.kvlink.spi.TransferOutcome;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One of the connectors that make up a whole.
 *
 * @param index its place in the list, from 0: loads come from the first that has the KV
 * @param name its provider's
 * @param connector owned by the whole
 * @param failures calls in which it has thrown
 */
record Part(int index, String name, KvConnector connector, AtomicLong failures) {

    private static final Logger log = LoggerFactory.getLogger(Part.class);

    Part(int index, String name, KvConnector connector) {
        this(index, name, connector, new AtomicLong());
    }

    /** Name in figures and log lines, unique in its whole. */
    String label() {
        return index + "-" + name;
    }

    boolean has(KvCapability capability) {
        return connector.capabilities().contains(capability);
    }

    /** Name and version of what it speaks with its peers. */
    String protocol() {
        String own = connector.protocol();
        return own.isEmpty() ? name : own;
    }

    /** Notes that a call has thrown. The first is logged, and then every twice as many. */
    void onThrown(String call, Throwable cause) {
        if (cause instanceof VirtualMachineError fatal) {
            throw fatal;
        }
        long count = failures.incrementAndGet();
        if (Long.bitCount(count) == 1) {
            log.warn("part={} call={} count={}; the others go on", label(), call, count, cause);
        }
    }

    /** Answer of the connector, or another one if it throws. Any thread. */
    <T> T ask(String call, Function<KvConnector, T> question, T instead) {
        try {
            return question.apply(connector);
        } catch (RuntimeException | Error cause) {
            onThrown(call, cause);
            return instead;
        }
    }

    /** Outcome of a load that has failed, since a call has thrown. */
    TransferOutcome failure(String requestId, String call) {
        return TransferOutcome.builder(requestId)
                .failure(KvError.INTERNAL, "part=%s call=%s".formatted(label(), call))
                .build();
    }
}
