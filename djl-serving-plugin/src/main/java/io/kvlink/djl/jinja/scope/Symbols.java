// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.value.Repr;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Variables of one block of statements, and the source of each one's value when the block is
 * entered. Follows the analysis of Jinja2's compiler, since that defines its scopes. A name that is
 * set somewhere in a block is the block's own, with the value that it had outside.
 */
public final class Symbols implements Names {

    /** Source of a variable's value at the beginning. */
    enum Load {
        /** Set by the code that enters the block. */
        PARAMETER,
        /** Taken from the variables of the template. */
        RESOLVE,
        /** Taken from the variable of that name outside. */
        ALIAS,
        /** No value. */
        UNDEFINED
    }

    /** The place of a variable in the activations of a function. */
    record Slot(FunctionFrame function, int index) {}

    private record Source(Load load, @Nullable Slot outside) {}

    private final @Nullable Symbols parent;
    private final FunctionFrame function;
    // Shared with copies: a name has one place, whichever branch uses it.
    private final Map<String, Slot> places;
    private final Map<String, Slot> references = new HashMap<>();
    private final Map<String, Source> sources = new LinkedHashMap<>();
    private final Set<String> stores = new HashSet<>();

    public Symbols(@Nullable Symbols parent, FunctionFrame function) {
        this(parent, function, new HashMap<>());
    }

    private Symbols(@Nullable Symbols parent, FunctionFrame function, Map<String, Slot> places) {
        this.parent = parent;
        this.function = function;
        this.places = places;
    }

    private Symbols copy() {
        Symbols copy = new Symbols(parent, function, places);
        copy.take(this);
        return copy;
    }

    private void take(Symbols other) {
        references.putAll(other.references);
        sources.putAll(other.sources);
        stores.addAll(other.stores);
    }

    @Override
    public void load(String name) {
        if (find(name) == null) {
            define(name, Load.RESOLVE, null);
        }
    }

    @Override
    public void store(String name) {
        stores.add(name);
        if (references.containsKey(name)) {
            return;
        }
        Slot outside = parent == null ? null : parent.find(name);
        define(name, outside == null ? Load.UNDEFINED : Load.ALIAS, outside);
    }

    @Override
    public void parameter(String name) {
        stores.add(name);
        define(name, Load.PARAMETER, null);
    }

    private void define(String name, Load load, @Nullable Slot outside) {
        references.put(name, places.computeIfAbsent(name, any -> function.newSlot()));
        sources.put(name, new Source(load, outside));
    }

    /** Declares what each of some branches does, of which at most one is taken. */
    public void branches(List<? extends Branch> branches) {
        List<Symbols> all = new ArrayList<>();
        Set<String> stored = new HashSet<>();
        for (Branch branch : branches) {
            Symbols symbols = copy();
            branch.declare(symbols);
            all.add(symbols);
            stored.addAll(symbols.stores);
        }
        stored.removeAll(stores);
        all.forEach(this::take);
        for (String name : stored) {
            Slot outside = parent == null ? null : parent.find(name);
            sources.put(name, new Source(outside == null ? Load.RESOLVE : Load.ALIAS, outside));
        }
    }

    private @Nullable Slot find(String name) {
        Slot own = references.get(name);
        return own != null || parent == null ? own : parent.find(name);
    }

    Slot slot(String name, int line) {
        Slot slot = find(name);
        if (slot == null) {
            throw new TemplateSyntaxException(
                    "the name %s can't be used here".formatted(Repr.quoted(name)), line);
        }
        return slot;
    }

    /** Assignments at the entry to the block. */
    public Entry entry() {
        List<Entry.Step> steps = new ArrayList<>();
        sources.forEach(
                (name, source) -> {
                    Slot slot = places.get(name);
                    if (slot != null && source.load() != Load.PARAMETER) {
                        Place outside =
                                source.outside() == null
                                        ? null
                                        : function.placeOf(source.outside());
                        steps.add(new Entry.Step(source.load(), name, slot.index(), outside));
                    }
                });
        return new Entry(steps);
    }

    /** All variables set here or outside, for blocks that see them. */
    public Map<String, Place> visible(FunctionFrame from) {
        Map<String, Place> visible = new LinkedHashMap<>();
        for (Symbols symbols = this; symbols != null; symbols = symbols.parent) {
            for (String name : new TreeSet<>(symbols.stores)) {
                Slot slot = find(name);
                if (slot != null) {
                    visible.putIfAbsent(name, from.placeOf(slot));
                }
            }
        }
        return visible;
    }
}
