// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

import io.kvlink.proxy.fleet.AskedModel;
import io.kvlink.proxy.fleet.HeartbeatCodec;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Turns a client's request for a completion or a chat into one that computes the prompt and a
 * single token. All else stays byte for byte: unknown fields, nulls, numbers, white space. So do
 * the fields that decide on that token, its log-probabilities included.
 *
 * <p>One pass over the body, which finds the model's name too. A field that is there twice is
 * changed twice, so it doesn't matter which of them an instance takes. One thread, which is no
 * event loop.
 */
final class PrefillBody {

    private enum Edit {
        /** Becomes 1, and is added if it isn't there. */
        ONE("1", true),
        /** Becomes 1, unless it is null. */
        ONE_IF_SET("1", false),
        /** Becomes false, and is added if it isn't there. */
        FALSE("false", true),
        /** Becomes false, unless it is null. */
        FALSE_IF_SET("false", false),
        /** Goes. */
        DROP("", false);

        private final String value;
        private final boolean always;

        Edit(String value, boolean always) {
            this.value = value;
            this.always = always;
        }
    }

    private static final Map<String, Edit> EDITS =
            Map.of(
                    "max_tokens", Edit.ONE,
                    "max_completion_tokens", Edit.ONE_IF_SET,
                    // More than one token at least would contradict one token at most.
                    "min_tokens", Edit.ONE_IF_SET,
                    "n", Edit.ONE_IF_SET,
                    "best_of", Edit.ONE_IF_SET,
                    // Nobody reads this answer.
                    "echo", Edit.FALSE_IF_SET,
                    "stream", Edit.FALSE,
                    "stream_options", Edit.DROP);
    private static final int LONGEST_NAME = "max_completion_tokens".length();
    private static final String MODEL = "model";
    // No instance's heartbeat has a name that is as long, however it is escaped.
    private static final int LONGEST_MODEL = 4 * HeartbeatCodec.MAX_BYTES;

    /**
     * A prefill request's body, and what the client's said.
     *
     * @param bytes UTF-8 of a JSON object; never changed
     * @param model what the client asked for
     */
    @SuppressWarnings("ArrayRecordComponent")
    public record Edited(byte[] bytes, AskedModel model) {}

    /** The body isn't one JSON object. The message is for the client. */
    static final class NotAnObjectException extends Exception {
        NotAnObjectException(String message) {
            super(message, null, false, false);
        }
    }

    private final byte[] body;
    private final JsonText json;
    private final ByteArrayOutputStream out;
    private final Set<String> seen = new HashSet<>();
    private AskedModel model = new AskedModel.Absent();
    private boolean empty = true;
    // Where the first field may begin.
    private int open;
    // Up to here the body was written or left out.
    private int done;

    private PrefillBody(byte[] body) {
        this.body = body;
        this.json = new JsonText(body);
        this.out = new ByteArrayOutputStream(body.length + 64);
    }

    /**
     * The prefill request's body.
     *
     * @param body the client's
     * @throws NotAnObjectException if the client's body isn't one JSON object
     */
    static Edited of(byte[] body) throws NotAnObjectException {
        try {
            return new PrefillBody(body).edited();
        } catch (JsonText.NotJsonException cause) {
            throw new NotAnObjectException("The body " + cause.getMessage() + ".");
        }
    }

    private Edited edited() throws JsonText.NotJsonException, NotAnObjectException {
        int first = json.peek();
        if (first >= 0 && first != '{') {
            throw new NotAnObjectException("The body is no JSON object.");
        }
        json.enterObject();
        open = json.at();
        copyTo(open);
        if (json.peek() != '}') {
            field();
            while (json.peek() == ',') {
                json.take(',');
                field();
            }
        }
        if (json.peek() != '}') {
            throw json.unexpected("',' or '}'");
        }
        add("max_tokens", Edit.ONE);
        add("stream", Edit.FALSE);
        json.take('}');
        if (json.peek() >= 0) {
            throw new NotAnObjectException("Something follows the body's JSON object.");
        }
        copyTo(body.length);
        return new Edited(out.toByteArray(), model);
    }

    /** One field, with what separates it from the field before. */
    private void field() throws JsonText.NotJsonException {
        json.peek();
        int start = json.at();
        String name = json.unescaped(json.takeString(), LONGEST_NAME);
        json.take(':');
        boolean isNull = json.peek() == 'n';
        int value = json.at();
        json.takeValue();
        if (!isNull && name.equals(MODEL)) {
            onModel(value);
        }
        Edit edit = EDITS.get(name);
        if (edit == Edit.DROP) {
            done = json.at();
            return;
        }
        if (empty && done > open) {
            // Nothing but fields that went is before it, so no comma is to be.
            done = start;
        }
        empty = false;
        if (edit == null || (isNull && !edit.always)) {
            copyTo(json.at());
            return;
        }
        seen.add(name);
        copyTo(value);
        out.writeBytes(bytes(edit.value));
        done = json.at();
    }

    /**
     * Notes the model's name as the instances read it: the last text counts, and anything else is
     * refused.
     */
    private void onModel(int start) {
        if (body[start] != '"') {
            model = new AskedModel.Malformed();
        } else if (!(model instanceof AskedModel.Malformed)) {
            JsonText.Slice name = new JsonText.Slice(start + 1, json.at() - 1);
            model = AskedModel.of(json.beginning(name, LONGEST_MODEL));
        }
    }

    private void add(String name, Edit edit) {
        if (!seen.contains(name)) {
            out.writeBytes(bytes((empty ? "\"" : ",\"") + name + "\":"));
            out.writeBytes(bytes(edit.value));
            empty = false;
        }
    }

    private void copyTo(int end) {
        out.write(body, done, end - done);
        done = end;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
