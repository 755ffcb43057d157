// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.weights;

import com.google.gson.JsonArray;
import io.kvlink.djl.model.config.JsonFields;
import io.kvlink.djl.model.config.ModelLoadException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file, checked: every tensor's bytes lie inside the file's data,
 * fit its shape and overlap no other's.
 */
public record SafetensorsHeader(String file, Map<String, Entry> entries) {
    private static final String METADATA = "__metadata__";
    private static final int MAX_DIMENSIONS = 8;

    /** Bytes of one element, for every type that a file may hold. */
    private static final Map<String, Integer> TYPE_BYTES =
            Map.ofEntries(
                    Map.entry("BOOL", 1),
                    Map.entry("U8", 1),
                    Map.entry("I8", 1),
                    Map.entry("F8_E4M3", 1),
                    Map.entry("F8_E5M2", 1),
                    Map.entry("U16", 2),
                    Map.entry("I16", 2),
                    Map.entry("F16", 2),
                    Map.entry("BF16", 2),
                    Map.entry("U32", 4),
                    Map.entry("I32", 4),
                    Map.entry("F32", 4),
                    Map.entry("U64", 8),
                    Map.entry("I64", 8),
                    Map.entry("F64", 8));

    /**
     * One tensor.
     *
     * @param begin offset of its first byte in the file's data
     * @param end offset behind its last byte
     */
    public record Entry(String name, String type, List<Long> shape, long begin, long end) {
        long bytes() {
            return end - begin;
        }
    }

    /** Parses a header of a file whose data part has {@code dataBytes} bytes. */
    public static SafetensorsHeader parse(String file, String json, long dataBytes) {
        JsonFields header = JsonFields.parse(file, json);
        Map<String, Entry> entries = new HashMap<>();
        for (String name : header.json().keySet()) {
            if (!name.equals(METADATA)) {
                entries.put(name, entry(name, header.object(name)));
            }
        }
        requireInside(file, entries, dataBytes);
        requireDisjoint(file, entries);
        return new SafetensorsHeader(file, Map.copyOf(entries));
    }

    Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new ModelLoadException(
                    "file=%s tensor=%s missing; the file holds %d tensors"
                            .formatted(file, name, entries.size()));
        }
        return entry;
    }

    private static Entry entry(String name, JsonFields fields) {
        String type = fields.text("dtype");
        Integer elementBytes = TYPE_BYTES.get(type);
        if (elementBytes == null) {
            throw bad(fields.file(), name, "dtype", type, "one of " + TYPE_BYTES.keySet());
        }
        List<Long> shape = wholeNumbers(name, fields, "shape");
        List<Long> offsets = wholeNumbers(name, fields, "data_offsets");
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw bad(fields.file(), name, "data_offsets", offsets, "[begin, end]");
        }
        Entry entry = new Entry(name, type, shape, offsets.get(0), offsets.get(1));
        long expected = byteCount(fields.file(), name, shape, elementBytes);
        if (entry.bytes() != expected) {
            throw bad(
                    fields.file(),
                    name,
                    "bytes",
                    entry.bytes(),
                    "%d for %s of shape %s".formatted(expected, type, shape));
        }
        return entry;
    }

    private static List<Long> wholeNumbers(String name, JsonFields fields, String key) {
        JsonArray array = fields.array(key);
        List<Long> numbers = new ArrayList<>();
        for (int i = 0; i < array.size() && i <= MAX_DIMENSIONS; i++) {
            numbers.add(JsonFields.wholeNumber(array.get(i)));
        }
        if (numbers.size() > MAX_DIMENSIONS || numbers.contains(-1L)) {
            throw bad(fields.file(), name, key, numbers, "at most 8 whole numbers");
        }
        return numbers;
    }

    private static long byteCount(String file, String name, List<Long> shape, int elementBytes) {
        try {
            long bytes = elementBytes;
            for (long dimension : shape) {
                bytes = Math.multiplyExact(bytes, dimension);
            }
            return bytes;
        } catch (ArithmeticException tooLarge) {
            throw bad(file, name, "shape", shape, "less than 2^63 bytes");
        }
    }

    private static void requireInside(String file, Map<String, Entry> entries, long dataBytes) {
        for (Entry entry : entries.values()) {
            if (entry.end() > dataBytes) {
                throw new ModelLoadException(
                        "file=%s tensor=%s dataBytes=%d expected=at least %d; is the file truncated?"
                                .formatted(file, entry.name(), dataBytes, entry.end()));
            }
        }
    }

    private static void requireDisjoint(String file, Map<String, Entry> entries) {
        List<Entry> ordered = new ArrayList<>(entries.values());
        ordered.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        for (int i = 1; i < ordered.size(); i++) {
            Entry before = ordered.get(i - 1);
            Entry entry = ordered.get(i);
            if (entry.begin() < before.end()) {
                throw bad(
                        file,
                        entry.name(),
                        "begin",
                        entry.begin(),
                        "%d or more, the end of %s".formatted(before.end(), before.name()));
            }
        }
    }

    private static ModelLoadException bad(
            String file, String tensor, String key, Object found, String expected) {
        return new ModelLoadException(
                "file=%s tensor=%s key=%s found=%s expected=%s"
                        .formatted(file, tensor, key, found, expected));
    }
}
