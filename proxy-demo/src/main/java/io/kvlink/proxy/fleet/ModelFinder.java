// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Finds the model that a request is for, among those that the instances say they serve. Used from
 * any thread.
 */
public final class ModelFinder {

    /** Result of a search. */
    public sealed interface Found {}

    /**
     * Requests for it go to its instances, of which there may be none just now.
     *
     * @param model a name, or empty: any instance that names no model
     */
    public record Served(String model) implements Found {}

    /**
     * The request must name one.
     *
     * @param known the names
     */
    public record Ambiguous(List<String> known) implements Found {}

    /**
     * Nobody serves it, nor did a short while ago.
     *
     * @param name what was asked for
     * @param known the names that are served
     */
    public record Unknown(String name, List<String> known) implements Found {}

    private static final long RETURN_NS = TimeUnit.SECONDS.toNanos(1);

    private final InstanceTable table;
    private final long farewellNs;
    private final LongSupplier clock;

    public ModelFinder(InstanceTable table, long farewellNs, LongSupplier clock) {
        this.table = table;
        this.farewellNs = farewellNs;
        this.clock = clock;
    }

    public Found find(AskedModel asked) {
        InstanceTable.Snapshot now = table.snapshot();
        if (asked instanceof AskedModel.Named named) {
            return named(named.name(), now);
        }
        boolean several = now.models().size() > 1;
        return asked instanceof AskedModel.Absent && several
                ? new Ambiguous(now.models())
                : first(now);
    }

    private Found named(String name, InstanceTable.Snapshot now) {
        if (now.models().contains(name) || left(name, farewellNs, now)) {
            return new Served(name);
        }
        boolean anyModel = now.decode().stream().anyMatch(i -> i.model().isEmpty());
        return anyModel || now.models().isEmpty()
                ? new Served("")
                : new Unknown(name, now.models());
    }

    /**
     * True if a model has just lost the last instance of a role. Its next version may be there
     * already: its heartbeat and the last one's farewell travel on two connections.
     */
    public boolean mayReturn(String model) {
        return left(model, RETURN_NS, table.snapshot());
    }

    private boolean left(String model, long withinNs, InstanceTable.Snapshot now) {
        for (Role role : Role.values()) {
            Long since = now.left().get(new InstanceTable.Part(role, model));
            if (since != null && clock.getAsLong() - since < withinNs) {
                return true;
            }
        }
        return false;
    }

    /** Takes any model for one that can't be read: all its instances refuse the request. */
    private static Found first(InstanceTable.Snapshot now) {
        return new Served(now.models().isEmpty() ? "" : now.models().get(0));
    }
}
