// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import java.time.ZonedDateTime;

/** State of one rendering: its output and what it may still take. For one thread. */
public final class Rendering {

    private final ZonedDateTime now;
    private final long textLimit;
    private long steps;
    private long madeChars;
    private int depth;
    private int line;
    private boolean autoescape;
    private TextBuffer out = new TextBuffer(this);

    /**
     * A rendering.
     *
     * @param now its time
     * @param inputChars size of its variables
     */
    public Rendering(ZonedDateTime now, long inputChars) {
        this.now = now;
        this.textLimit = Limits.TEXT + Limits.TEXT_PER_INPUT * inputChars;
    }

    public ZonedDateTime now() {
        return now;
    }

    public void write(String text) {
        out.append(text);
    }

    public String output() {
        return out.toString();
    }

    /** Collects what is written until {@link #endCapture}; gives what collected before. */
    public TextBuffer beginCapture() {
        TextBuffer before = out;
        out = new TextBuffer(this);
        return before;
    }

    /** Text that was written since {@link #beginCapture}, whose result is given back. */
    public String endCapture(TextBuffer before) {
        String captured = out.toString();
        out = before;
        madeText(captured.length());
        return captured;
    }

    public void atLine(int at) {
        line = at;
        step();
    }

    public int line() {
        return line;
    }

    public boolean autoescape() {
        return autoescape;
    }

    public void autoescape(boolean on) {
        autoescape = on;
    }

    public void step() {
        steps(1);
    }

    public void steps(long more) {
        steps += more;
        if (steps > Limits.STEPS) {
            throw TemplateException.limit("more than %d steps".formatted(Limits.STEPS));
        }
    }

    /** Counts looking through that many characters. */
    public void scan(long chars) {
        steps(chars / Limits.CHARS_PER_STEP);
    }

    /** Counts text that was made. */
    public void madeText(long chars) {
        madeChars += chars;
        if (madeChars > textLimit) {
            throw TemplateException.limit("more than %d characters in all".formatted(textLimit));
        }
    }

    public void madeElements(long count) {
        steps(count / Limits.CHARS_PER_ELEMENT);
        madeText(count * Limits.CHARS_PER_ELEMENT);
    }

    /** Refuses a text of that length before it is made. */
    public void requireRoom(long chars) {
        if (chars > Limits.TEXT_CHARS || chars > textLimit - madeChars + 1024) {
            throw TemplateException.limit(
                    "a text of more than %d characters"
                            .formatted(Math.min(Limits.TEXT_CHARS, textLimit)));
        }
    }

    /** Refuses a list of that length before it is made. */
    public void requireElements(long count) {
        if (count > (textLimit - madeChars) / Limits.CHARS_PER_ELEMENT) {
            throw TemplateException.limit("a list of %d elements".formatted(count));
        }
    }

    /** Counts a value that an operation made, so that what was thrown away counts, too. */
    public Object made(Object value) {
        step();
        if (value instanceof String text) {
            madeText(text.length());
        } else if (value instanceof Markup markup) {
            madeText(markup.text().length());
        } else if (value instanceof PySequence sequence) {
            madeElements(sequence.size());
        } else if (value instanceof PyDict dict) {
            madeElements(4L * dict.size());
        }
        return value;
    }

    public void enter(int nested) {
        depth += nested;
        if (depth > Limits.CALL_DEPTH) {
            throw TemplateException.limit("calls nested too deeply");
        }
    }

    public void leave(int nested) {
        depth -= nested;
    }
}
