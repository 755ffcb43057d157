// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads a JSON object's settings, each once, and then refuses what nobody read. Numbers may be
 * numbers or strings ({@code "8e9"}). Every refusal names the key, the value, and what is allowed.
 * Not thread-safe.
 */
public final class Settings {

    private final String where;
    private final Map<String, @Nullable Object> values;
    private final TreeSet<String> known = new TreeSet<>();

    private Settings(String where, Map<String, @Nullable Object> values) {
        this.where = where;
        this.values = values;
    }

    /**
     * Settings from parsed JSON.
     *
     * @param where what to call the object in messages, {@code kv_transfer_config} say
     * @param values keys and values: strings, numbers, booleans, maps, {@code null}; copied
     */
    public static Settings of(String where, Map<String, ? extends @Nullable Object> values) {
        return new Settings(where, new LinkedHashMap<>(values));
    }

    /**
     * A text.
     *
     * @param key its name
     * @param absent what it is when the key isn't there
     */
    public String text(String key, String absent) {
        Object value = take(key);
        if (value == null) {
            return absent;
        }
        if (value instanceof String text) {
            return text;
        }
        if (value instanceof Number || value instanceof Boolean) {
            return value.toString();
        }
        throw refused(key, value, "a text");
    }

    /**
     * A text that must be there.
     *
     * @param key its name
     * @param example shown when it isn't
     */
    public String requiredText(String key, String example) {
        String text = text(key, "");
        if (text.isEmpty()) {
            throw new KvConnectorException(
                    KvError.BAD_CONFIG,
                    "%s.%s is missing; for example \"%s\": \"%s\""
                            .formatted(where, key, key, example));
        }
        return text;
    }

    /**
     * A whole number.
     *
     * @param key its name
     * @param absent what it is when the key isn't there
     * @param min the least allowed
     * @param max the most allowed
     */
    public long integer(String key, long absent, long min, long max) {
        BigDecimal number = decimal(key, BigDecimal.valueOf(absent));
        try {
            long exact = number.longValueExact();
            if (exact >= min && exact <= max) {
                return exact;
            }
        } catch (ArithmeticException cause) {
            // Not whole, or far out of range: refused below like any other.
        }
        throw refused(key, number.toPlainString(), "a whole number from " + min + " to " + max);
    }

    /**
     * A number.
     *
     * @param key its name
     * @param absent what it is when the key isn't there
     * @param min the least allowed
     * @param max the most allowed
     */
    public double number(String key, double absent, double min, double max) {
        double number = decimal(key, BigDecimal.valueOf(absent)).doubleValue();
        if (number >= min && number <= max) {
            return number;
        }
        throw refused(key, number, "a number from " + min + " to " + max);
    }

    /**
     * True or false.
     *
     * @param key its name
     * @param absent what it is when the key isn't there
     */
    public boolean flag(String key, boolean absent) {
        String text = text(key, Boolean.toString(absent)).toLowerCase(Locale.ROOT);
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw refused(key, text, "true or false");
        };
    }

    /**
     * One of some words.
     *
     * @param key its name
     * @param choices the words' values
     * @param word the word of a value
     * @param absent the value when the key isn't there; {@code null} if the key is required
     * @param <T> the values' type
     */
    public <T> T choice(
            String key, Collection<T> choices, Function<T, String> word, @Nullable T absent) {
        String text = text(key, absent == null ? "" : word.apply(absent));
        for (T choice : choices) {
            if (word.apply(choice).equals(text)) {
                return choice;
            }
        }
        throw refused(key, text, "one of " + choices.stream().map(word).toList());
    }

    /**
     * An object within this one.
     *
     * @param key its name
     * @return its settings, empty if the key isn't there
     */
    public Settings section(String key) {
        Object value = take(key);
        if (value == null) {
            return of(where + "." + key, Map.of());
        }
        if (!(value instanceof Map<?, ?> map)) {
            throw refused(key, value, "an object");
        }
        Map<String, @Nullable Object> section = new LinkedHashMap<>();
        map.forEach((name, inner) -> section.put(String.valueOf(name), inner));
        return of(where + "." + key, section);
    }

    /**
     * Objects of a list within this one, unread.
     *
     * @param key its name
     * @return keys and values of each, none if the key isn't there
     */
    public List<Map<String, @Nullable Object>> objects(String key) {
        Object value = take(key);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof List<?> list)) {
            throw refused(key, value, "a list of objects");
        }
        List<Map<String, @Nullable Object>> objects = new ArrayList<>();
        for (Object item : list) {
            if (!(item instanceof Map<?, ?> map)) {
                throw refused(key, value, "a list of objects");
            }
            Map<String, @Nullable Object> object = new LinkedHashMap<>();
            map.forEach((name, inner) -> object.put(String.valueOf(name), inner));
            objects.add(object);
        }
        return objects;
    }

    /**
     * Takes note of a key that is allowed and has no effect here.
     *
     * @param key its name
     * @return true if it is there
     */
    public boolean ignored(String key) {
        return take(key) != null;
    }

    /**
     * Refuses every key that none of the methods above was asked for.
     *
     * @throws KvConnectorException with {@link KvError#BAD_CONFIG}, naming the nearest known key
     */
    public void refuseUnknown() {
        for (String key : values.keySet()) {
            if (!known.contains(key)) {
                throw new KvConnectorException(
                        KvError.BAD_CONFIG,
                        "%s.%s is no setting; did you mean %s? Known: %s"
                                .formatted(where, key, nearest(key), known));
            }
        }
    }

    private @Nullable Object take(String key) {
        known.add(key);
        return values.get(key);
    }

    private BigDecimal decimal(String key, BigDecimal absent) {
        Object value = take(key);
        if (value == null) {
            return absent;
        }
        try {
            BigDecimal number = new BigDecimal(value.toString().trim());
            // A scale far out would make toPlainString or longValueExact build a huge number.
            if (Math.abs((long) number.precision() - number.scale()) < 64) {
                return number;
            }
        } catch (NumberFormatException cause) {
            // Refused below.
        }
        throw refused(key, value, "a number, such as 8e9 or \"8e9\"");
    }

    private KvConnectorException refused(String key, Object value, String allowed) {
        return new KvConnectorException(
                KvError.BAD_CONFIG, "%s.%s=%s; expected %s".formatted(where, key, value, allowed));
    }

    private String nearest(String key) {
        String best = "";
        int bestDistance = Integer.MAX_VALUE;
        for (String candidate : known) {
            int distance = editDistance(key, candidate);
            if (distance < bestDistance) {
                best = candidate;
                bestDistance = distance;
            }
        }
        return best;
    }

    private static int editDistance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
