// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.NumberText;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Undefined;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Path that filters look values up by, such as {@code function.name} or {@code 0.role}. */
public final class AttributePath {

    private final List<Object> parts;
    private final @Nullable Object otherwise;
    private final boolean ignoreCase;

    private AttributePath(List<Object> parts, @Nullable Object otherwise, boolean ignoreCase) {
        this.parts = parts;
        this.otherwise = otherwise;
        this.ignoreCase = ignoreCase;
    }

    /**
     * A path.
     *
     * @param attribute null or None for the value itself
     * @param otherwise what stands for what isn't there; null or None for nothing
     * @param ignoreCase whether texts become lower case
     */
    public static AttributePath of(
            @Nullable Object attribute, @Nullable Object otherwise, boolean ignoreCase) {
        Object given = otherwise == None.NONE ? null : otherwise;
        return new AttributePath(parts(attribute), given, ignoreCase);
    }

    private static List<Object> parts(@Nullable Object attribute) {
        if (attribute == null || attribute == None.NONE) {
            return List.of();
        }
        if (!Text.is(attribute)) {
            return List.of(attribute);
        }
        List<Object> parts = new ArrayList<>();
        for (String part : Text.of(attribute).split("\\.", -1)) {
            boolean digits = !part.isEmpty() && part.chars().allMatch(Character::isDigit);
            Object number = digits ? NumberText.integer(part, 10) : null;
            parts.add(number == null ? part : number);
        }
        return parts;
    }

    /** Several paths with commas between them. */
    public static List<AttributePath> several(@Nullable Object attributes, boolean ignoreCase) {
        if (attributes == null || !Text.is(attributes)) {
            return List.of(of(attributes, null, ignoreCase));
        }
        List<AttributePath> paths = new ArrayList<>();
        for (String attribute : Text.of(attributes).split(",", -1)) {
            paths.add(of(attribute, null, ignoreCase));
        }
        return paths;
    }

    public Object get(Rendering rendering, Object of) {
        Object value = of;
        for (Object part : parts) {
            rendering.step();
            value = Attributes.element(rendering, value, part);
            if (otherwise != null && value instanceof Undefined) {
                value = otherwise;
            }
        }
        if (ignoreCase && Text.is(value)) {
            rendering.scan(Text.of(value).length());
            return Casing.lower(Text.of(value));
        }
        return value;
    }
}
