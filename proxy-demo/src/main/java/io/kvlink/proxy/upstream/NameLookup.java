// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.upstream;

import io.kvlink.proxy.threads.ProxyThreads;
import io.kvlink.spi.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Looks host names up away from the event loops, which the system's resolver would block. Literal
 * addresses take no lookup. At most two threads, {@code kv-proxy-dns}, and 1024 waiting names.
 */
public final class NameLookup implements AutoCloseable {

    private final ThreadPoolExecutor executor;

    public NameLookup(ProxyThreads threads) {
        executor =
                new ThreadPoolExecutor(
                        2,
                        2,
                        10,
                        TimeUnit.SECONDS,
                        new ArrayBlockingQueue<>(1024),
                        task -> threads.numbered(task, "kv-proxy-dns"));
        executor.allowCoreThreadTimeOut(true);
    }

    /** The address to connect to; fails with {@link UnknownHostException} or when too many wait. */
    CompletableFuture<InetSocketAddress> resolve(HostPort address) {
        byte[] literal = NetUtil.createByteArrayFromIpAddressString(address.host());
        if (literal != null) {
            try {
                return CompletableFuture.completedFuture(
                        new InetSocketAddress(InetAddress.getByAddress(literal), address.port()));
            } catch (UnknownHostException cause) {
                return CompletableFuture.failedFuture(cause);
            }
        }
        try {
            return CompletableFuture.supplyAsync(() -> lookUp(address), executor);
        } catch (RejectedExecutionException cause) {
            return CompletableFuture.failedFuture(cause);
        }
    }

    private static InetSocketAddress lookUp(HostPort address) {
        try {
            return new InetSocketAddress(InetAddress.getByName(address.host()), address.port());
        } catch (UnknownHostException cause) {
            throw new CompletionException(cause);
        }
    }

    /** Makes the threads end; {@link ProxyThreads#join} waits for them. */
    @Override
    public void close() {
        executor.shutdownNow();
    }
}
