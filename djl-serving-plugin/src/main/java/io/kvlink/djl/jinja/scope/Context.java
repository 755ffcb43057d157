// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Variables of a rendering that all its functions see: those given, and those set at the top. */
public final class Context {

    private final Map<String, Object> given;
    private final Map<String, Object> set = new HashMap<>();
    private final Map<String, ? extends Block> blocks;

    public Context(Map<String, Object> given, Map<String, ? extends Block> blocks) {
        this.given = given;
        this.blocks = blocks;
    }

    @Nullable Object find(String name) {
        Object own = set.get(name);
        return own != null ? own : given.get(name);
    }

    public void set(String name, Object value) {
        set.put(name, value);
    }

    public @Nullable Block block(String name) {
        return blocks.get(name);
    }

    /** A copy with further variables. */
    public Context derived(Map<String, Object> more) {
        Map<String, Object> all = new HashMap<>(given);
        all.putAll(set);
        all.putAll(more);
        return new Context(all, blocks);
    }
}
