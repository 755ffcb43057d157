// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Comparison of two surfaces, as {@link ApiSurface} writes them: what of the older one is gone or
 * asks more of whoever implements it.
 */
final class ApiCompatibility {

    private static final Pattern CONSTANTS = Pattern.compile("  constants (.*)");
    private static final Pattern PERMITS = Pattern.compile("(.*) permits (.*)");

    private ApiCompatibility() {}

    /** Reasons why code that was built with {@code before} may not run with {@code after}. */
    static List<String> breaks(List<String> before, List<String> after) {
        Map<String, Type> old = types(before);
        Map<String, Type> now = types(after);
        List<String> reasons = new ArrayList<>();
        old.forEach(
                (name, type) -> {
                    Type other = now.get(name);
                    if (other == null) {
                        reasons.add(name + " is gone");
                    } else {
                        compare(name, type, other, reasons);
                    }
                });
        return reasons;
    }

    private static void compare(String name, Type old, Type now, List<String> reasons) {
        if (!header(old.header).equals(header(now.header))) {
            reasons.add(name + " was: " + old.header + "; is: " + now.header);
        }
        if (!words(PERMITS, 2, now.header).containsAll(words(PERMITS, 2, old.header))) {
            reasons.add(name + " permits less: " + now.header);
        }
        for (String member : old.members) {
            boolean there =
                    CONSTANTS.matcher(member).matches()
                            ? now.constants().containsAll(words(CONSTANTS, 1, member))
                            : now.members.contains(member);
            if (!there) {
                reasons.add(name + " lacks" + member);
            }
        }
        boolean implemented = old.header.contains("interface ") && !old.header.contains("sealed ");
        for (String member : now.members) {
            if (implemented
                    && member.startsWith("  public abstract ")
                    && !old.members.contains(member)) {
                reasons.add(name + " asks for" + member);
            }
        }
    }

    private static String header(String line) {
        Matcher permits = PERMITS.matcher(line);
        return permits.matches() ? permits.group(1) : line;
    }

    private static Set<String> words(Pattern pattern, int group, String line) {
        Matcher matcher = pattern.matcher(line);
        return matcher.matches()
                ? new HashSet<>(List.of(matcher.group(group).split(", ")))
                : Set.of();
    }

    private record Type(String header, Set<String> members) {
        Set<String> constants() {
            Set<String> all = new HashSet<>();
            members.forEach(member -> all.addAll(words(CONSTANTS, 1, member)));
            return all;
        }
    }

    private static Map<String, Type> types(List<String> lines) {
        Map<String, Type> types = new LinkedHashMap<>();
        Type open = new Type("", new HashSet<>());
        for (String line : lines) {
            if (line.startsWith("  ")) {
                open.members.add(line);
            } else {
                open = new Type(line, new HashSet<>());
                types.put(name(line), open);
            }
        }
        return types;
    }

    private static String name(String header) {
        Matcher name = Pattern.compile("io\\.kvlink\\.spi\\.[\\w$.]+").matcher(header);
        if (!name.find()) {
            throw new IllegalArgumentException(header);
        }
        return name.group();
    }
}
