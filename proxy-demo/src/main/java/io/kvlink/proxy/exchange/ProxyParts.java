// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.body.BodyThreads;
import io.kvlink.proxy.body.BufferedBytes;
import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.discovery.Discovery;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.InstanceTable;
import io.kvlink.proxy.fleet.ModelFinder;
import io.kvlink.proxy.fleet.ProxyMetrics;
import io.kvlink.proxy.threads.LoopWatch;
import io.kvlink.proxy.threads.ProxyThreads;
import io.kvlink.proxy.upstream.LiveCalls;
import io.kvlink.proxy.upstream.NameLookup;
import java.util.function.LongSupplier;

/**
 * Objects that all exchanges of one server share. Each part may be used from any thread.
 *
 * @param config the settings
 * @param table who is alive
 * @param fleet chooses instances
 * @param models finds models
 * @param calls those under way
 * @param names looks host names up
 * @param ids makes transfer ids
 * @param metrics counts
 * @param discovery where heartbeats arrive
 * @param bodies makes prefill bodies
 * @param buffered how much of all bodies is held
 * @param watch whether all event loops turn
 * @param threads all threads of the server
 * @param clock nanoseconds
 */
public record ProxyParts(
        ProxyConfig config,
        InstanceTable table,
        Fleet fleet,
        ModelFinder models,
        LiveCalls calls,
        NameLookup names,
        TransferIds ids,
        ProxyMetrics metrics,
        Discovery discovery,
        BodyThreads bodies,
        BufferedBytes buffered,
        LoopWatch watch,
        ProxyThreads threads,
        LongSupplier clock) {}
