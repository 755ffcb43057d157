// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.netty.buffer.ByteBuf;
import io.netty.util.ByteProcessor;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds the text {@code model} of a JSON object without parsing the object. Of several the last
 * counts, as for whoever parses it. One pass over the bytes; keeps some kilobytes at most.
 */
public final class ModelField {

    private static final String MODEL = "model";
    // "model" with each letter escaped has 30 bytes.
    private static final int MAX_KEY_BYTES = 30;
    private static final int MAX_NAME_BYTES = 4096;

    private ModelField() {}

    /**
     * The name in a body; empty if there is none, or if the body is malformed before it.
     *
     * @param body borrowed; its reader index stays
     */
    public static Optional<String> find(ByteBuf body) {
        Scan scan = new Scan();
        int unused = body.forEachByte(scan);
        return Optional.ofNullable(scan.model);
    }

    private enum State {
        START,
        KEY,
        IN_KEY,
        COLON,
        VALUE,
        IN_TEXT,
        IN_NESTED,
        IN_NESTED_TEXT,
        IN_LITERAL
    }

    /** One state for each byte; false ends the pass. */
    private static final class Scan implements ByteProcessor {

        private static final int BOM_BYTES = 3;

        private final byte[] kept = new byte[MAX_NAME_BYTES];

        private State state = State.START;
        private int seen;
        private int keptBytes;
        private int depth;
        private boolean escaped;
        private boolean ofModel;
        private @Nullable String model;

        @Override
        public boolean process(byte value) {
            return switch (state) {
                case START -> start(value);
                case KEY -> key(value);
                case IN_KEY -> inKey(value);
                case COLON -> colon(value);
                case VALUE -> value(value);
                case IN_TEXT -> inText(value);
                case IN_NESTED -> inNested(value);
                case IN_NESTED_TEXT -> inNestedText(value);
                case IN_LITERAL -> inLiteral(value);
            };
        }

        private boolean start(byte value) {
            seen++;
            // A byte order mark is no JSON, and harmless.
            boolean mark = seen <= BOM_BYTES && value < 0;
            if (value == '{') {
                state = State.KEY;
            }
            return value == '{' || mark || isSpace(value);
        }

        private boolean key(byte value) {
            if (value == '"') {
                keptBytes = 0;
                state = State.IN_KEY;
                return true;
            }
            return value == ',' || isSpace(value);
        }

        private boolean inKey(byte value) {
            if (endsText(value)) {
                ofModel = keptBytes <= MAX_KEY_BYTES && MODEL.equals(text());
                state = State.COLON;
            } else {
                keep(value);
            }
            return true;
        }

        private boolean colon(byte value) {
            if (value == ':') {
                state = State.VALUE;
            }
            return value == ':' || isSpace(value);
        }

        private boolean value(byte value) {
            switch (value) {
                case '"' -> {
                    keptBytes = 0;
                    state = State.IN_TEXT;
                }
                case '{', '[' -> {
                    depth = 1;
                    state = State.IN_NESTED;
                }
                default -> {
                    if (!isSpace(value)) {
                        state = State.IN_LITERAL;
                        return inLiteral(value);
                    }
                }
            }
            return true;
        }

        private boolean inText(byte value) {
            if (endsText(value)) {
                if (ofModel) {
                    model = text();
                }
                state = State.KEY;
            } else if (ofModel) {
                keep(value);
            }
            return true;
        }

        private boolean inNested(byte value) {
            switch (value) {
                case '"' -> state = State.IN_NESTED_TEXT;
                case '{', '[' -> depth++;
                case '}', ']' -> {
                    depth--;
                    if (depth == 0) {
                        state = State.KEY;
                    }
                }
                default -> {}
            }
            return true;
        }

        private boolean inNestedText(byte value) {
            if (endsText(value)) {
                state = State.IN_NESTED;
            }
            return true;
        }

        private boolean inLiteral(byte value) {
            if (value == ',') {
                state = State.KEY;
            }
            return value != '}';
        }

        /** True if the byte is the quote at the end of a text. */
        private boolean endsText(byte value) {
            if (escaped) {
                escaped = false;
                return false;
            }
            escaped = value == '\\';
            return value == '"';
        }

        private void keep(byte value) {
            if (keptBytes < kept.length) {
                kept[keptBytes] = value;
                keptBytes++;
            }
        }

        private String text() {
            String raw = new String(kept, 0, keptBytes, StandardCharsets.UTF_8);
            if (raw.indexOf('\\') < 0) {
                return raw;
            }
            try {
                return JsonParser.parseString('"' + raw + '"').getAsString();
            } catch (JsonParseException malformed) {
                return raw;
            }
        }

        private static boolean isSpace(byte value) {
            return value == ' ' || value == '\n' || value == '\r' || value == '\t';
        }
    }
}
