// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.value.Text;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template into tokens: the text around tags, and their content. White space is taken as
 * {@code trim_blocks}, {@code lstrip_blocks} and the signs in tags say. For one template.
 */
final class Lexer {

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    // The line of the place that was looked at last.
    private int line = 1;
    private int lineAt;
    // Whether what came before ends with a line's end.
    private boolean lineStarts = true;

    private Lexer(String source) {
        String lines = source.replace("\r\n", "\n").replace('\r', '\n');
        this.source = lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines;
    }

    static List<Token> tokens(String source) {
        Lexer lexer = new Lexer(source);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (at < source.length()) {
            int begin = nextTag();
            if (begin < 0) {
                data(source.substring(at), at);
                at = source.length();
            } else {
                tag(begin);
            }
        }
        add(Token.Type.END, "", at);
    }

    private int nextTag() {
        for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
            if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private void tag(int begin) {
        char kind = source.charAt(begin + 1);
        int rawEnd = kind == '%' ? endOfRawBegin(begin) : -1;
        int after = begin + 2;
        char sign = after < source.length() ? source.charAt(after) : ' ';
        boolean signed = sign == '-' || sign == '+';
        data(before(begin, signed ? sign : ' ', kind != '{'), at);
        at = signed ? after + 1 : after;
        lineStarts = false;
        if (rawEnd >= 0) {
            at = rawEnd;
            lineStarts = source.charAt(at - 1) == '\n';
            raw(begin);
            return;
        }
        switch (kind) {
            case '#' -> comment(begin);
            case '%' -> {
                add(Token.Type.BLOCK_BEGIN, "{%", begin);
                new ExpressionLexer(this, '%').run();
            }
            default -> {
                add(Token.Type.VARIABLE_BEGIN, "{{", begin);
                new ExpressionLexer(this, '}').run();
            }
        }
    }

    /** The text before a tag, without the white space that the tag takes. */
    private String before(int begin, char sign, boolean block) {
        String text = source.substring(at, begin);
        if (sign == '-') {
            return Text.stripRight(text);
        }
        if (sign == '+' || !block) {
            return text;
        }
        int start = text.lastIndexOf('\n') + 1;
        boolean atLine = start > 0 || lineStarts;
        boolean blank = text.substring(start).chars().allMatch(Text::isSpace);
        return atLine && blank ? text.substring(0, start) : text;
    }

    /** Index of the end of {@code {% raw %}}; -1 if there is none. */
    private int endOfRawBegin(int begin) {
        int i = begin + 2;
        if (i < source.length() && (source.charAt(i) == '-' || source.charAt(i) == '+')) {
            i++;
        }
        i = skipSpace(i);
        if (!source.startsWith("raw", i)) {
            return -1;
        }
        i = skipSpace(i + 3);
        if (source.startsWith("-%}", i)) {
            return skipSpace(i + 3);
        }
        return source.startsWith("%}", i) ? i + 2 : -1;
    }

    int skipSpace(int from) {
        int i = from;
        while (i < source.length() && Text.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void raw(int begin) {
        for (int i = source.indexOf("{%", at); i >= 0; i = source.indexOf("{%", i + 1)) {
            int j = i + 2;
            char sign = j < source.length() ? source.charAt(j) : ' ';
            j = sign == '-' || sign == '+' ? j + 1 : j;
            j = skipSpace(j);
            if (source.startsWith("endraw", j)) {
                int end = endOfTag(skipSpace(j + 6), "%}", true);
                if (end >= 0) {
                    data(before(i, sign, true), at);
                    moveTo(end);
                    return;
                }
            }
        }
        throw fault("Missing end of raw directive", begin);
    }

    private void comment(int begin) {
        for (int i = source.indexOf("#}", at); i >= 0; i = source.indexOf("#}", i + 1)) {
            int from = i > at && "+-".indexOf(source.charAt(i - 1)) >= 0 ? i - 1 : i;
            moveTo(endOfTag(from, "#}", true));
            return;
        }
        throw fault("Missing end of comment tag", begin);
    }

    /**
     * Index of the end of a tag whose closing mark, with its sign, is at {@code from}; -1 if no
     * mark is there.
     */
    int endOfTag(int from, String mark, boolean block) {
        if (source.startsWith("-" + mark, from)) {
            return skipSpace(from + 1 + mark.length());
        }
        if (block && source.startsWith("+" + mark, from)) {
            return from + 1 + mark.length();
        }
        if (!source.startsWith(mark, from)) {
            return -1;
        }
        int end = from + mark.length();
        return block && end < source.length() && source.charAt(end) == '\n' ? end + 1 : end;
    }

    void moveTo(int end) {
        lineStarts = end > at && source.charAt(end - 1) == '\n';
        at = end;
    }

    private void data(String text, int from) {
        if (!text.isEmpty()) {
            add(Token.Type.DATA, text, from);
        }
    }

    private void add(Token.Type type, String text, int place) {
        add(new Token(type, text, text, lineOf(place)));
    }

    void add(Token token) {
        tokens.add(token);
    }

    int place() {
        return at;
    }

    String source() {
        return source;
    }

    int lineOf(int place) {
        if (place < lineAt) {
            line = 1;
            lineAt = 0;
        }
        for (; lineAt < place; lineAt++) {
            line += source.charAt(lineAt) == '\n' ? 1 : 0;
        }
        return line;
    }

    TemplateSyntaxException fault(String message, int place) {
        return new TemplateSyntaxException(message, lineOf(place));
    }
}
