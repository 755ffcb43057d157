// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import java.util.Set;
import java.util.TreeSet;

/**
 * Rewrites what Python's Jinja takes and Jinjava doesn't: {@code f(a=b - 1)} becomes {@code f(a=(b
 * - 1))}, and {@code x[::-1]} becomes a method's call. Strings, comments and the text around the
 * tags stay as they are. For one template, on one thread.
 */
final class JinjaDialect {

    private static final String REVERSED = "[::-1]";

    private final String source;
    private final StringBuilder out;
    private final Set<String> filters = new TreeSet<>();
    private final Set<String> tests = new TreeSet<>();
    private int at;

    private JinjaDialect(String source) {
        this.source = source;
        this.out = new StringBuilder(source.length() + 64);
    }

    /**
     * A template for Jinjava.
     *
     * @param source the rewritten text
     * @param filters names of the filters in it
     * @param tests names of the tests in it
     */
    record Translated(String source, Set<String> filters, Set<String> tests) {}

    static Translated translate(String source) {
        JinjaDialect dialect = new JinjaDialect(source);
        dialect.translate();
        return new Translated(dialect.out.toString(), dialect.filters, dialect.tests);
    }

    private void translate() {
        while (at < source.length()) {
            if (source.startsWith("{#", at)) {
                copyTo(endOf("#}"));
            } else if (source.startsWith("{{", at)) {
                tag("}}");
            } else if (source.startsWith("{%", at)) {
                tag("%}");
            } else {
                copyTo(at + 1);
            }
        }
    }

    private int endOf(String mark) {
        int found = source.indexOf(mark, at);
        return found < 0 ? source.length() : found + mark.length();
    }

    private void copyTo(int end) {
        out.append(source, at, end);
        at = end;
    }

    private void tag(String end) {
        int body = at + 2;
        while (body < source.length() && "-+ \t\r\n".indexOf(source.charAt(body)) >= 0) {
            body++;
        }
        // The parameters of a macro have defaults; those aren't arguments.
        boolean arguments = !source.startsWith("macro", body);
        copyTo(at + 2);
        expression(end, false, arguments);
    }

    /** Copies up to and with the tag's end, or up to the end of what a bracket or a comma ends. */
    private void expression(String end, boolean nested, boolean arguments) {
        while (at < source.length()) {
            char c = source.charAt(at);
            if (c == '\'' || c == '"') {
                copyTo(endOfString(c));
            } else if (source.startsWith(REVERSED, at)) {
                out.append('.').append(PythonMethods.REVERSED).append("()");
                at += REVERSED.length();
            } else if (!nested && source.startsWith(end, at)) {
                copyTo(at + end.length());
                return;
            } else if (nested && (c == ')' || c == ']' || c == '}' || c == ',')) {
                return;
            } else if (c == '(' || c == '[' || c == '{') {
                bracket(arguments);
            } else if (Character.isJavaIdentifierStart(c)) {
                word();
            } else {
                if (c == '|') {
                    filters.add(source.substring(skipSpace(at + 1), wordEnd(skipSpace(at + 1))));
                }
                copyTo(at + 1);
            }
        }
    }

    private void word() {
        int end = wordEnd(at);
        if (source.startsWith("is", at) && end == at + 2) {
            int test = skipSpace(end);
            if (source.startsWith("not", test) && wordEnd(test) == test + 3) {
                test = skipSpace(test + 3);
            }
            tests.add(source.substring(test, wordEnd(test)));
        }
        copyTo(end);
    }

    private void bracket(boolean arguments) {
        boolean call = arguments && source.charAt(at) == '(';
        copyTo(at + 1);
        while (at < source.length()) {
            int value = call ? keywordEnd() : -1;
            if (value >= 0) {
                copyTo(value);
                out.append('(');
            }
            expression("", true, arguments);
            if (value >= 0) {
                out.append(')');
            }
            boolean last = at < source.length() && source.charAt(at) != ',';
            copyTo(Math.min(source.length(), at + 1));
            if (last) {
                return;
            }
        }
    }

    /** Where the value of {@code name=value} begins that begins here; -1 if none does. */
    private int keywordEnd() {
        int end = skipSpace(at);
        int name = end;
        end = wordEnd(name);
        int sign = skipSpace(end);
        boolean keyword =
                end > name && source.startsWith("=", sign) && !source.startsWith("==", sign);
        return keyword ? sign + 1 : -1;
    }

    private int wordEnd(int from) {
        int end = from;
        while (end < source.length() && Character.isJavaIdentifierPart(source.charAt(end))) {
            end++;
        }
        return end;
    }

    private int skipSpace(int from) {
        int end = from;
        while (end < source.length() && Character.isWhitespace(source.charAt(end))) {
            end++;
        }
        return end;
    }

    private int endOfString(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        return Math.min(source.length(), end + 1);
    }
}
