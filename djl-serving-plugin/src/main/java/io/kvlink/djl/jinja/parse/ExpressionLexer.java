// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.operate.TextTests;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.Repr;
import io.kvlink.djl.jinja.value.Text;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cuts the inside of one tag into tokens, up to its end. */
final class ExpressionLexer {

    // Each alternative is without choice, so matching takes linear time.
    private static final Pattern FLOAT =
            Pattern.compile(
                    "[0-9]++(?:_[0-9]++)*+(?:\\.[0-9]++(?:_[0-9]++)*+(?:[eE][+-]?[0-9]++(?:_[0-9]++)*+)?+"
                            + "|[eE][+-]?[0-9]++(?:_[0-9]++)*+)");

    private static final Pattern INTEGER =
            Pattern.compile(
                    "0[bB](?:_?[01])++|0[oO](?:_?[0-7])++|0[xX](?:_?[0-9a-fA-F])++"
                            + "|[1-9](?:_?[0-9])*+|0(?:_?0)*+");

    private static final Set<String> PAIRS = Set.of("//", "**", "==", "!=", ">=", "<=");
    private static final String SINGLES = "+-/*%~[](){}><=.:|,;";

    private final Lexer lexer;
    private final String source;
    private final boolean block;
    private final Deque<Character> open = new ArrayDeque<>();
    private int at;

    ExpressionLexer(Lexer lexer, char end) {
        this.lexer = lexer;
        this.source = lexer.source();
        this.block = end == '%';
        this.at = lexer.place();
    }

    void run() {
        int begin = at;
        while (at < source.length()) {
            int end = open.isEmpty() ? lexer.endOfTag(at, block ? "%}" : "}}", block) : -1;
            if (end >= 0) {
                add(
                        block ? Token.Type.BLOCK_END : Token.Type.VARIABLE_END,
                        source.substring(at, end),
                        at);
                lexer.moveTo(end);
                return;
            }
            next();
        }
        lexer.moveTo(at);
        if (at < begin) {
            throw lexer.fault("unexpected end of template", begin);
        }
    }

    private void next() {
        char c = source.charAt(at);
        if (Text.isSpace(c)) {
            at++;
        } else if (c >= '0' && c <= '9') {
            number();
        } else if (Text.isWord(source.codePointAt(at))) {
            name();
        } else if (c == '\'' || c == '"') {
            string(c);
        } else {
            operator();
        }
    }

    private void number() {
        Matcher matcher = FLOAT.matcher(source).region(at, source.length());
        boolean behindPoint = at > 0 && source.charAt(at - 1) == '.';
        if (!behindPoint && matcher.lookingAt()) {
            double value = Double.parseDouble(matcher.group().replace("_", ""));
            lexer.add(new Token(Token.Type.NUMBER_FLOAT, matcher.group(), value, lexer.lineOf(at)));
        } else {
            matcher.usePattern(INTEGER).region(at, source.length()).lookingAt();
            lexer.add(
                    new Token(
                            Token.Type.NUMBER_INTEGER,
                            matcher.group(),
                            integer(matcher.group()),
                            lexer.lineOf(at)));
        }
        at = matcher.end();
    }

    private Object integer(String text) {
        String digits = text.replace("_", "").toLowerCase(Locale.ROOT);
        if (digits.length() > Numbers.MAX_DIGITS) {
            throw lexer.fault("an integer of more than 4300 digits", at);
        }
        int radix =
                digits.startsWith("0x")
                        ? 16
                        : digits.startsWith("0o") ? 8 : digits.startsWith("0b") ? 2 : 10;
        return Numbers.of(new BigInteger(radix == 10 ? digits : digits.substring(2), radix));
    }

    private void name() {
        int start = at;
        while (at < source.length() && Text.isWord(source.codePointAt(at))) {
            at += Character.charCount(source.codePointAt(at));
        }
        String name = source.substring(start, at);
        if (!TextTests.isIdentifier(name)) {
            throw lexer.fault("Invalid character in identifier", start);
        }
        add(Token.Type.NAME, name, start);
    }

    private void string(char quote) {
        int start = at++;
        while (at < source.length() && source.charAt(at) != quote) {
            at += source.charAt(at) == '\\' ? 2 : 1;
        }
        if (at >= source.length()) {
            throw lexer.fault("unexpected char " + Repr.quoted(String.valueOf(quote)), start);
        }
        String raw = source.substring(start + 1, at++);
        int line = lexer.lineOf(start);
        lexer.add(new Token(Token.Type.STRING, raw, StringLiteral.unescaped(raw, line), line));
    }

    private void operator() {
        String operator = source.substring(at, Math.min(source.length(), at + 2));
        if (!PAIRS.contains(operator)) {
            operator = operator.substring(0, 1);
            if (SINGLES.indexOf(operator.charAt(0)) < 0) {
                throw lexer.fault(
                        "unexpected char "
                                + Repr.quoted(Character.toString(source.codePointAt(at))),
                        at);
            }
            balance(operator.charAt(0));
        }
        add(Token.Type.OPERATOR, operator, at);
        at += operator.length();
    }

    private void balance(char c) {
        switch (c) {
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '{' -> open.push('}');
            case ')', ']', '}' -> {
                if (open.isEmpty() || open.peek() != c) {
                    String expected = open.isEmpty() ? "" : ", expected '" + open.peek() + "'";
                    throw lexer.fault("unexpected '%c'%s".formatted(c, expected), at);
                }
                open.pop();
            }
            default -> {
                // Nothing that is closed later.
            }
        }
    }

    private void add(Token.Type type, String text, int place) {
        lexer.add(new Token(type, text, text, lexer.lineOf(place)));
    }
}
