// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Pairs of instances that send to each other.
 *
 * @param name {@code 1P3D}: each producer to each consumer; {@code 2x1P1D}: so many such groups
 * @param producers how many
 * @param consumers how many
 * @param pairs who sends to whom
 */
record Topology(String name, int producers, int consumers, List<Pair> pairs) {

    static final String ONE_PAIR = "1P1D";

    private static final Pattern RULE = Pattern.compile("(?:([1-8])x)?([1-8])P([1-8])D");

    /** A producer and a consumer, by their indexes. */
    record Pair(int producer, int consumer) {
        @Override
        public String toString() {
            return "P" + producer + "→D" + consumer;
        }
    }

    static Topology of(String name) {
        Matcher matcher = RULE.matcher(name);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "topology=" + name + "; expected one like 1P3D or 2x1P1D");
        }
        int groups = matcher.group(1) == null ? 1 : Integer.parseInt(matcher.group(1));
        int producers = Integer.parseInt(matcher.group(2));
        int consumers = Integer.parseInt(matcher.group(3));
        List<Pair> pairs = new ArrayList<>();
        for (int group = 0; group < groups; group++) {
            for (int producer = 0; producer < producers; producer++) {
                for (int consumer = 0; consumer < consumers; consumer++) {
                    pairs.add(new Pair(group * producers + producer, group * consumers + consumer));
                }
            }
        }
        return new Topology(name, groups * producers, groups * consumers, List.copyOf(pairs));
    }

    boolean onePair() {
        return pairs.size() == 1;
    }
}
