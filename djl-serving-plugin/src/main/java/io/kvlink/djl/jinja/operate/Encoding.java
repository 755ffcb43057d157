// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextArguments;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CharsetEncoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Python's {@code str.encode} and {@code bytes.decode}. */
final class Encoding {

    private Encoding() {}

    static Object encode(Rendering rendering, Object self, Object[] given) {
        Charset charset = charset(given[0]);
        CodingErrorAction action = action(given[1]);
        String text = Text.of(self);
        rendering.madeText(text.length());
        CharsetEncoder encoder =
                charset.newEncoder()
                        .onMalformedInput(action)
                        .onUnmappableCharacter(action)
                        .replaceWith(new byte[] {'?'});
        try {
            ByteBuffer encoded = encoder.encode(java.nio.CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            return new PyBytes(bytes);
        } catch (CharacterCodingException cause) {
            throw TemplateException.value("'%s' codec can't encode characters".formatted(charset));
        }
    }

    static Object decode(Rendering rendering, Object self, Object[] given) {
        Charset charset = charset(given[0]);
        CodingErrorAction action = action(given[1]);
        byte[] bytes = ((PyBytes) self).bytes();
        rendering.madeText(bytes.length);
        try {
            return charset.newDecoder()
                    .onMalformedInput(action)
                    .onUnmappableCharacter(action)
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException cause) {
            throw TemplateException.value("'%s' codec can't decode bytes".formatted(charset));
        }
    }

    private static Charset charset(@Nullable Object given) {
        String name = given == null ? "utf-8" : TextArguments.required("encode", given);
        return switch (name.toLowerCase(Locale.ROOT).replace('_', '-')) {
            case "utf-8", "utf8" -> StandardCharsets.UTF_8;
            case "ascii", "us-ascii" -> StandardCharsets.US_ASCII;
            case "latin-1", "latin1", "iso-8859-1" -> StandardCharsets.ISO_8859_1;
            default -> throw TemplateException.unsupported("the encoding " + Repr.quoted(name));
        };
    }

    private static CodingErrorAction action(@Nullable Object given) {
        String name = given == null ? "strict" : TextArguments.required("encode", given);
        return switch (name) {
            case "strict" -> CodingErrorAction.REPORT;
            case "ignore" -> CodingErrorAction.IGNORE;
            case "replace" -> CodingErrorAction.REPLACE;
            default -> throw TemplateException.unsupported("the handler " + Repr.quoted(name));
        };
    }
}
