// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Makes prompts whose answer stands in the prompt, like those that the demo model learned from
 * ({@code model/training/gen.py}). A decode instance can answer them only from the KV it was
 * handed.
 */
public final class FactQuestions {

    private static final List<String> NAMES =
            words(
                    "Mia Tom Anna Ben Lily Sam Zoe Max Ruby Leo Nora Jack Ella Finn Ivy Oscar Rosa Hugo Clara Theo Maya Felix Alice Milo Grace Otto Emma Noah Iris Luke");
    private static final List<String> OBJECTS =
            words(
                    "kite drum ball boat hat book lamp cup key bell box coat flute ring map shell spoon basket scarf clock whistle candle brush mirror pencil puzzle wagon blanket ribbon feather");
    private static final List<String> COLORS =
            words("red blue green yellow black white purple orange silver golden pink brown");
    private static final List<String> PLACES =
            List.of(
                    "under the bed",
                    "behind the door",
                    "in the garden",
                    "near the river",
                    "on the hill",
                    "inside the barn",
                    "by the old tree",
                    "under the bridge",
                    "in the kitchen",
                    "on the roof",
                    "beside the pond",
                    "in the attic",
                    "behind the wall",
                    "at the market",
                    "in the forest",
                    "on the table");

    private final Random random;

    /**
     * A question and what must come back.
     *
     * @param prompt facts and a question, ending in {@code Answer:}
     * @param answer one sentence, with a leading space
     */
    public record Question(String prompt, String answer) {}

    /**
     * A source of questions.
     *
     * @param seed the same seed gives the same questions
     */
    public FactQuestions(long seed) {
        random = new Random(seed);
    }

    /** The next question. */
    public Question next() {
        int count = 2 + random.nextInt(5);
        List<String> names = sample(NAMES, count);
        List<String> objects = sample(OBJECTS, count);
        List<String> places = sample(PLACES, count);
        List<String> colors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            colors.add(COLORS.get(random.nextInt(COLORS.size())));
        }
        int kind = random.nextInt(3);
        StringBuilder facts = new StringBuilder("Facts:");
        for (int i = 0; i < count; i++) {
            facts.append(' ').append(fact(kind, names, objects, colors, places, i)).append('.');
        }
        int asked = random.nextInt(count);
        return question(
                facts.toString(),
                kind,
                names.get(asked),
                objects.get(asked),
                colors.get(asked),
                places.get(asked));
    }

    private static String fact(
            int kind,
            List<String> names,
            List<String> objects,
            List<String> colors,
            List<String> places,
            int i) {
        String object = colors.get(i) + " " + objects.get(i);
        return switch (kind) {
            case 0 -> names.get(i) + " has " + article(object) + object;
            case 1 -> "The " + object + " is " + places.get(i);
            default -> names.get(i) + " is " + places.get(i);
        };
    }

    private Question question(
            String facts, int kind, String name, String object, String color, String place) {
        boolean where = random.nextDouble() < 0.6;
        String colored = color + " " + object;
        return switch (kind) {
            case 0 ->
                    switch (random.nextInt(3)) {
                        case 0 -> of(facts, "Who has the " + object, name + " has the " + object);
                        case 1 ->
                                of(
                                        facts,
                                        "What does " + name + " have",
                                        name + " has " + article(color) + colored);
                        default ->
                                of(
                                        facts,
                                        "What color is the " + object,
                                        "The " + object + " is " + color);
                    };
            case 1 ->
                    where
                            ? of(facts, "Where is the " + object, "The " + object + " is " + place)
                            : of(facts, "What is " + place, "The " + colored + " is " + place);
            default ->
                    of(
                            facts,
                            where ? "Where is " + name : "Who is " + place,
                            name + " is " + place);
        };
    }

    private static Question of(String facts, String question, String answer) {
        return new Question(facts + " Question: " + question + "? Answer:", " " + answer + ".");
    }

    private static String article(String noun) {
        return "aeiou".indexOf(noun.charAt(0)) >= 0 ? "an " : "a ";
    }

    private List<String> sample(List<String> from, int count) {
        List<String> shuffled = new ArrayList<>(from);
        Collections.shuffle(shuffled, random);
        return shuffled.subList(0, count);
    }

    private static List<String> words(String text) {
        return List.of(text.split(" "));
    }
}
