// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.hubspot.jinjava.objects.collections.PyList;
import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/**
 * The methods that Python's strings have, in place of those of Java's: {@code split} of Java, say,
 * takes a regular expression. No other method of a string can be called. Beside them one of lists,
 * which {@link JinjaDialect} writes. Stateless.
 */
final class PythonMethods extends ELResolver {

    /** Gives a list in the opposite order. */
    static final String REVERSED = "kvlink_reversed";

    private static final String SPACE = " \t\n\r\u000b\f";

    private static final Set<String> METHODS =
            Set.of(
                    "strip",
                    "lstrip",
                    "rstrip",
                    "split",
                    "splitlines",
                    "startswith",
                    "endswith",
                    "removeprefix",
                    "removesuffix",
                    "replace",
                    "upper",
                    "lower",
                    "title",
                    "capitalize",
                    "find",
                    "count",
                    "isdigit");

    @Override
    public @Nullable Object invoke(
            ELContext context,
            @Nullable Object base,
            Object method,
            Class<?> @Nullable [] types,
            Object @Nullable [] params) {
        if (base instanceof List<?> list && REVERSED.equals(method)) {
            context.setPropertyResolved(true);
            List<Object> reversed = new ArrayList<>(list);
            Collections.reverse(reversed);
            return new PyList(reversed);
        }
        if (!(base instanceof String text)) {
            return null;
        }
        context.setPropertyResolved(true);
        Object[] given = params == null ? new Object[0] : params;
        return call(text, String.valueOf(method), given);
    }

    private static Object call(String text, String method, Object[] given) {
        if (!METHODS.contains(method)) {
            throw new ChatTemplateException("a string has no method " + method);
        }
        String first = given.length > 0 && given[0] != null ? given[0].toString() : "";
        return switch (method) {
            case "strip" -> rstrip(lstrip(text, first), first);
            case "lstrip" -> lstrip(text, first);
            case "rstrip" -> rstrip(text, first);
            case "split" -> new PyList(split(text, first, limit(given)));
            case "splitlines" -> new PyList(new ArrayList<Object>(text.lines().toList()));
            case "startswith" -> text.startsWith(first);
            case "endswith" -> text.endsWith(first);
            case "removeprefix" -> text.startsWith(first) ? text.substring(first.length()) : text;
            case "removesuffix" ->
                    text.endsWith(first) ? text.substring(0, text.length() - first.length()) : text;
            case "replace" -> text.replace(first, given.length > 1 ? String.valueOf(given[1]) : "");
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> title(text);
            case "capitalize" -> capitalized(text);
            case "find" -> (long) text.indexOf(first);
            case "count" -> (long) split(text, first, -1).size() - 1;
            default -> !text.isEmpty() && text.chars().allMatch(Character::isDigit);
        };
    }

    private static int limit(Object[] given) {
        return given.length > 1 && given[1] instanceof Number number ? number.intValue() : -1;
    }

    private static String lstrip(String text, String given) {
        String chars = given.isEmpty() ? SPACE : given;
        int start = 0;
        while (start < text.length() && chars.indexOf(text.charAt(start)) >= 0) {
            start++;
        }
        return text.substring(start);
    }

    private static String rstrip(String text, String given) {
        String chars = given.isEmpty() ? SPACE : given;
        int end = text.length();
        while (end > 0 && chars.indexOf(text.charAt(end - 1)) >= 0) {
            end--;
        }
        return text.substring(0, end);
    }

    /** At most {@code limit} cuts; a negative limit is none. */
    private static List<Object> split(String text, String separator, int limit) {
        List<Object> parts = new ArrayList<>();
        if (separator.isEmpty()) {
            parts.addAll(
                    Arrays.stream(text.split("\\s+")).filter(part -> !part.isEmpty()).toList());
            return parts;
        }
        int start = 0;
        int end;
        while ((limit < 0 || parts.size() < limit) && (end = text.indexOf(separator, start)) >= 0) {
            parts.add(text.substring(start, end));
            start = end + separator.length();
        }
        parts.add(text.substring(start));
        return parts;
    }

    private static String capitalized(String text) {
        return text.isEmpty()
                ? text
                : text.substring(0, 1).toUpperCase(Locale.ROOT)
                        + text.substring(1).toLowerCase(Locale.ROOT);
    }

    private static String title(String text) {
        StringBuilder titled = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            titled.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
            inWord = Character.isLetter(c);
        }
        return titled.toString();
    }

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, Object property) {
        return null;
    }

    @Override
    public @Nullable Class<?> getType(ELContext context, @Nullable Object base, Object property) {
        return null;
    }

    @Override
    public void setValue(ELContext context, @Nullable Object base, Object property, Object value) {
        // Nothing of a string can be set.
    }

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, Object property) {
        return false;
    }

    @Override
    public @Nullable Iterator<FeatureDescriptor> getFeatureDescriptors(
            ELContext context, Object base) {
        return null;
    }

    @Override
    public @Nullable Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
        return null;
    }
}
