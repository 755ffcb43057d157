// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntSupplier;

/** The connectors and host pools that a class loader sees. Immutable. */
public final class KvConnectors {

    private final SortedMap<String, KvConnectorProvider> byName;
    private final Optional<HostPoolProvider> hostPool;

    private KvConnectors(
            SortedMap<String, KvConnectorProvider> byName, Optional<HostPoolProvider> hostPool) {
        this.byName = byName;
        this.hostPool = hostPool;
    }

    /**
     * Finds all providers.
     *
     * @param loader where to look; explicit, since a host's plugin class loader is rarely the
     *     thread's context loader
     * @return what was found
     * @throws KvConnectorException with {@link KvError#DUPLICATE_PROVIDER} if two connectors share
     *     a name or two host pools are there, {@link KvError#UNAVAILABLE} if a provider can't be
     *     loaded
     */
    public static KvConnectors load(ClassLoader loader) {
        try {
            return of(
                    stream(ServiceLoader.load(KvConnectorProvider.class, loader)),
                    stream(ServiceLoader.load(HostPoolProvider.class, loader)));
        } catch (ServiceConfigurationError | LinkageError cause) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE, "provider=unloadable; " + cause.getMessage(), cause);
        }
    }

    /**
     * Like {@code load}, with providers that are given.
     *
     * @param connectors connector providers
     * @param hostPools host pool providers, one at most
     * @return them, by name
     * @throws KvConnectorException with {@link KvError#DUPLICATE_PROVIDER}
     */
    public static KvConnectors of(
            Collection<? extends KvConnectorProvider> connectors,
            Collection<? extends HostPoolProvider> hostPools) {
        SortedMap<String, KvConnectorProvider> byName = new TreeMap<>();
        for (KvConnectorProvider provider : connectors) {
            KvConnectorProvider other = byName.putIfAbsent(provider.name(), provider);
            if (other != null) {
                throw duplicate(provider.name(), other, provider);
            }
        }
        HostPoolProvider pool = null;
        for (HostPoolProvider provider : hostPools) {
            if (pool != null) {
                throw duplicate("host pool", pool, provider);
            }
            pool = provider;
        }
        return new KvConnectors(byName, Optional.ofNullable(pool));
    }

    /**
     * The provider of a name.
     *
     * @param name as in {@code kv_connector}
     * @return the provider
     * @throws KvConnectorException with {@link KvError#NO_SUCH_CONNECTOR}, naming the known ones,
     *     or {@link KvError#UNAVAILABLE} with the provider's reason
     */
    public KvConnectorProvider named(String name) {
        KvConnectorProvider provider = byName.get(name);
        if (provider == null) {
            throw new KvConnectorException(
                    KvError.NO_SUCH_CONNECTOR,
                    "kv_connector=%s known=%s; is the connector's jar in the plugin folder?"
                            .formatted(name, byName.keySet()));
        }
        Availability availability = version(provider::spiVersion);
        if (availability.ready()) {
            availability = provider.availability();
        }
        if (!availability.ready()) {
            throw new KvConnectorException(
                    KvError.UNAVAILABLE,
                    "kv_connector=%s; %s".formatted(name, availability.reason()));
        }
        return provider;
    }

    /** The names of all connectors found, sorted. */
    public List<String> names() {
        return List.copyOf(byName.keySet());
    }

    /** The host pool, if one is installed and usable. */
    public Optional<HostPoolProvider> hostPool() {
        return hostPool.filter(
                provider ->
                        version(provider::spiVersion).ready() && provider.availability().ready());
    }

    // A provider that was built before there were versions lacks the method.
    private static Availability version(IntSupplier built) {
        try {
            return KvSpi.accepts(built.getAsInt());
        } catch (LinkageError old) {
            return KvSpi.accepts(1);
        }
    }

    private static <T> List<T> stream(ServiceLoader<T> loader) {
        return loader.stream().map(ServiceLoader.Provider::get).toList();
    }

    private static KvConnectorException duplicate(String name, Object first, Object second) {
        return new KvConnectorException(
                KvError.DUPLICATE_PROVIDER,
                "name=%s first=%s second=%s; remove one of the jars"
                        .formatted(name, origin(first), origin(second)));
    }

    private static String origin(Object provider) {
        Class<?> type = provider.getClass();
        var source = type.getProtectionDomain().getCodeSource();
        return type.getName() + (source == null ? "" : "@" + source.getLocation());
    }
}
