// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Chooses instances of a model, avoiding for a while those that refused a connection or take
 * nothing now, if there are others. Used from any thread.
 */
public final class Fleet {

    /**
     * Two instances that serve a request.
     *
     * @param prefill computes the prompt
     * @param decode writes the answer
     */
    public record Pair(Instance prefill, Instance decode) {}

    private final InstanceTable table;
    private final ModelTurns turns = new ModelTurns();
    private final LongSupplier clock;
    private final long skipNs;

    // When each avoided instance is tried again. Written by the event loops; its keys are
    // instances of the table, and old ones are dropped on every addition.
    private final Map<Instance.Key, Skip> skips = new ConcurrentHashMap<>();

    private record Skip(Instance instance, long untilNs) {}

    public Fleet(InstanceTable table, int skipMs, LongSupplier clock) {
        this.table = table;
        this.clock = clock;
        this.skipNs = TimeUnit.MILLISECONDS.toNanos(skipMs);
    }

    public int count(Role role) {
        return table.snapshot().of(role).size();
    }

    public int count(Role role, String model) {
        return table.snapshot().of(role, model).size();
    }

    /** True if some instances serve a model; by any decode instance alone, if that may be. */
    public boolean serves(String model, boolean alone) {
        InstanceTable.Snapshot now = table.snapshot();
        List<Instance> decodes = now.of(Role.DECODE, model);
        return (alone && !decodes.isEmpty())
                || decodes.stream().anyMatch(Instance::servesAlone)
                || !partners(decodes, now.of(Role.PREFILL, model)).isEmpty();
    }

    /** Number of instances of a role and a model that aren't avoided just now. */
    public int usable(Role role, String model) {
        return (int) table.snapshot().of(role, model).stream().filter(i -> !skipped(i)).count();
    }

    /** The names of the models that are served; none if no instance names one. */
    public List<String> models() {
        return table.snapshot().models();
    }

    /** True if this very instance is registered. */
    boolean has(Instance instance) {
        return table.snapshot().has(instance);
    }

    /** The next pair; empty if there are no two between which KV can go. */
    public Optional<Pair> pair(String model) {
        InstanceTable.Snapshot now = table.snapshot();
        List<Instance> allPrefills = now.of(Role.PREFILL, model);
        List<Instance> allDecodes = now.of(Role.DECODE, model);
        List<Instance> prefills = preferred(partners(allPrefills, allDecodes));
        List<Instance> decodes = preferred(partners(allDecodes, allPrefills));
        if (prefills.isEmpty() || decodes.isEmpty()) {
            return Optional.empty();
        }
        PairPicker.Pair turn = turns.pair(model, now.models(), prefills.size(), decodes.size());
        Instance decode = decodes.get(turn.decode());
        List<Instance> fitting = preferred(partners(allPrefills, List.of(decode)));
        return Optional.of(new Pair(fitting.get(turn.prefill() % fitting.size()), decode));
    }

    private static List<Instance> partners(List<Instance> some, List<Instance> others) {
        return some.stream().filter(i -> others.stream().anyMatch(i::pairsWith)).toList();
    }

    /**
     * The next decode instance that serves a request by itself.
     *
     * @param any whether it may be one that is meant for pairs
     */
    public Optional<Instance> alone(String model, boolean any) {
        return any
                ? one(Role.DECODE, model)
                : one(Role.DECODE, model, List.of(), Instance::servesAlone);
    }

    /**
     * The next decode instance that has a prefill instance to pair with; empty if there is none, or
     * it is avoided.
     *
     * @param except instances that don't count
     */
    Optional<Instance> paired(String model, Collection<Instance> except) {
        List<Instance> prefills =
                table.snapshot().of(Role.PREFILL, model).stream()
                        .filter(i -> except.stream().noneMatch(i::is))
                        .toList();
        return one(
                Role.DECODE,
                model,
                except,
                i -> !skipped(i) && prefills.stream().anyMatch(i::pairsWith));
    }

    /** The next instance of a role; empty if it has nobody. */
    public Optional<Instance> one(Role role, String model) {
        return one(role, model, List.of());
    }

    /**
     * The next instance of a role that is none of these; a successor at the same address is
     * another. Empty if there is none.
     */
    public Optional<Instance> one(Role role, String model, Collection<Instance> except) {
        return one(role, model, except, any -> true);
    }

    /** Like the other, among those that fit. */
    Optional<Instance> one(
            Role role, String model, Collection<Instance> except, Predicate<Instance> fits) {
        InstanceTable.Snapshot now = table.snapshot();
        List<Instance> candidates =
                preferred(
                        now.of(role, model).stream()
                                .filter(fits)
                                .filter(i -> except.stream().noneMatch(i::is))
                                .toList());
        return candidates.isEmpty()
                ? Optional.empty()
                : Optional.of(candidates.get(turns.single(model, now.models(), candidates.size())));
    }

    /** Called when an instance refused a connection. */
    public void onRefused(Instance instance) {
        skip(instance, skipNs);
    }

    /** Called when an instance takes nothing now, and said for how long. */
    void onUnavailable(Instance instance, long seconds) {
        skip(instance, Math.min(skipNs, TimeUnit.SECONDS.toNanos(seconds)));
    }

    private void skip(Instance instance, long forNs) {
        long now = clock.getAsLong();
        skips.values().removeIf(s -> s.untilNs() - now <= 0);
        skips.put(instance.key(), new Skip(instance, now + forNs));
    }

    public boolean skipped(Instance instance) {
        Skip skip = skips.get(instance.key());
        return skip != null
                && skip.untilNs() - clock.getAsLong() > 0
                && skip.instance().is(instance);
    }

    private List<Instance> preferred(List<Instance> all) {
        if (skips.isEmpty()) {
            return all;
        }
        List<Instance> open = all.stream().filter(i -> !skipped(i)).toList();
        return open.isEmpty() ? all : open;
    }
}
