// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateException.Kind;

/** Jinja2's {@code Undefined}: empty text, nothing to iterate, and an error to anything else. */
public final class Undefined {

    private final String reason;
    private final Kind kind;

    private Undefined(String reason, Kind kind) {
        this.reason = reason;
        this.kind = kind;
    }

    public static Undefined variable(String name) {
        return because(Repr.quoted(name) + " is undefined");
    }

    public static Undefined because(String reason) {
        return new Undefined(reason, Kind.UNDEFINED);
    }

    /** An attribute or an element that isn't there. */
    public static Undefined part(Rendering rendering, Object of, Object name) {
        String type = of == None.NONE ? "None" : Types.qualified(of) + " object";
        return Text.is(name)
                ? because(
                        "%s has no attribute %s"
                                .formatted(Repr.quoted(type), Repr.quoted(Text.of(name))))
                : because("%s has no element %s".formatted(type, Repr.shown(rendering, name)));
    }

    /** An attribute that the sandbox hides. */
    public static Undefined unsafe(Object of, String name) {
        return new Undefined(
                "access to attribute %s of '%s' object is unsafe."
                        .formatted(Repr.quoted(name), Types.name(of)),
                Kind.SECURITY);
    }

    public TemplateException error() {
        return TemplateException.of(kind, reason);
    }
}
