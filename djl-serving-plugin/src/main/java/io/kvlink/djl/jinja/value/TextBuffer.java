// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;

/** Text under construction that can't outgrow what its rendering may make. For one thread. */
public final class TextBuffer {

    private final StringBuilder text = new StringBuilder();
    private final Rendering rendering;

    public TextBuffer(Rendering rendering) {
        this.rendering = rendering;
    }

    public TextBuffer append(String more) {
        rendering.requireRoom((long) text.length() + more.length());
        text.append(more);
        return this;
    }

    public TextBuffer append(char more) {
        if ((text.length() & 0x3ff) == 0) {
            rendering.requireRoom(text.length() + 0x400L);
        }
        text.append(more);
        return this;
    }

    public TextBuffer appendCodePoint(int more) {
        if (Character.isBmpCodePoint(more)) {
            return append((char) more);
        }
        return append(Character.toString(more));
    }

    public TextBuffer repeat(String part, long times) {
        long count = Math.max(0, times);
        if (part.isEmpty()) {
            return this;
        }
        if (count > Limits.TEXT_CHARS) {
            throw TemplateException.limit("a text of more than " + Limits.TEXT_CHARS);
        }
        rendering.requireRoom(text.length() + count * part.length());
        text.append(part.repeat((int) count));
        return this;
    }

    public Rendering rendering() {
        return rendering;
    }

    public int length() {
        return text.length();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
