// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Templates with variables and what Python made of them, as {@code corpus/make.py} wrote them. */
final class TemplateCorpus {

    // A whole number stays whole, however long.
    private static final Gson GSON =
            new GsonBuilder().setObjectToNumberStrategy(TemplateCorpus::number).create();

    private final Map<String, List<Entry>> entries = new LinkedHashMap<>();

    /**
     * One rendering.
     *
     * @param about its group
     * @param variables all of the template's
     * @param text what Python rendered; empty if it didn't
     * @param error Python's, if it didn't
     */
    record Entry(
            String about,
            String template,
            Map<String, @Nullable Object> variables,
            Optional<String> text,
            String error) {

        @SuppressWarnings("unchecked") // The corpus is of that form.
        List<Map<String, Object>> messages() {
            return (List<Map<String, Object>>) variables.getOrDefault("messages", List.of());
        }

        boolean addGenerationPrompt() {
            return !Boolean.FALSE.equals(variables.get("add_generation_prompt"));
        }

        Map<String, String> tokens() {
            Map<String, String> tokens = new HashMap<>();
            variables.forEach(
                    (name, value) -> {
                        if (name.endsWith("_token") && value instanceof String token) {
                            tokens.put(name, token);
                        }
                    });
            return tokens;
        }

        /** Variables other than messages and tokens. */
        @SuppressWarnings("NullAway") // None is a value that a template can have.
        Map<String, Object> more() {
            Map<String, Object> more = new HashMap<>();
            // As transformers gives them to each template.
            more.put("tools", null);
            more.put("documents", null);
            more.putAll(variables);
            more.keySet().removeAll(Set.of("messages", "add_generation_prompt"));
            more.keySet().removeAll(tokens().keySet());
            return more;
        }
    }

    private TemplateCorpus(JsonObject corpus) {
        JsonObject named = corpus.getAsJsonObject("variables");
        JsonObject families = corpus.getAsJsonObject("families");
        JsonArray all = corpus.getAsJsonArray("entries");
        for (JsonElement element : all) {
            JsonObject entry = element.getAsJsonObject();
            String about = entry.get("about").getAsString();
            JsonElement variables =
                    entry.has("uses")
                            ? named.get(entry.get("uses").getAsString())
                            : entry.get("variables");
            JsonElement template =
                    entry.has("family")
                            ? families.get(entry.get("family").getAsString())
                            : entry.get("template");
            entries.computeIfAbsent(about, group -> new ArrayList<>())
                    .add(
                            new Entry(
                                    about,
                                    template.getAsString(),
                                    values(variables),
                                    Optional.ofNullable(entry.get("text"))
                                            .map(JsonElement::getAsString),
                                    entry.has("error") ? entry.get("error").getAsString() : ""));
        }
    }

    static TemplateCorpus read() {
        try (InputStream json = TemplateCorpus.class.getResourceAsStream("corpus/corpus.json")) {
            Objects.requireNonNull(json, "corpus/corpus.json");
            return new TemplateCorpus(
                    JsonParser.parseReader(new InputStreamReader(json, StandardCharsets.UTF_8))
                            .getAsJsonObject());
        } catch (IOException cause) {
            throw new UncheckedIOException(cause);
        }
    }

    Set<String> abouts() {
        return entries.keySet();
    }

    List<Entry> of(String about) {
        return entries.getOrDefault(about, List.of());
    }

    int size() {
        return entries.values().stream().mapToInt(List::size).sum();
    }

    Set<String> templates() {
        return entries.values().stream()
                .flatMap(List::stream)
                .map(Entry::template)
                .collect(Collectors.toSet());
    }

    @SuppressWarnings("unchecked") // An object's keys are strings.
    private static Map<String, @Nullable Object> values(JsonElement object) {
        return (Map<String, @Nullable Object>) GSON.fromJson(object, Object.class);
    }

    private static Number number(JsonReader json) throws IOException {
        String literal = json.nextString();
        if (literal.matches("-?[0-9]+")) {
            BigInteger whole = new BigInteger(literal);
            return whole.bitLength() < Long.SIZE ? (Number) whole.longValue() : whole;
        }
        return Double.valueOf(literal);
    }
}
