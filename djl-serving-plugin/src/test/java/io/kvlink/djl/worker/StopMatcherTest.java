// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class StopMatcherTest {

    /** One character at a time, all of the text looked at again for each. */
    private static String naive(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            String seen = text.substring(0, end);
            int cut =
                    stops.stream()
                            .filter(stop -> !stop.isEmpty() && seen.endsWith(stop))
                            .mapToInt(stop -> seen.length() - stop.length())
                            .min()
                            .orElse(-1);
            if (cut >= 0) {
                return text.substring(0, cut);
            }
        }
        return text;
    }

    @Property
    void anyCutIntoPiecesGivesWhatTheNaiveSearchGives(
            @ForAll @Size(max = 12)
                    List<@CharRange(from = 'a', to = 'c') @StringLength(max = 5) String> pieces,
            @ForAll @Size(max = 3)
                    List<@CharRange(from = 'a', to = 'c') @StringLength(max = 4) String> stops) {
        StopMatcher matcher = new StopMatcher(stops);
        StringBuilder text = new StringBuilder();
        pieces.forEach(piece -> text.append(matcher.append(piece)));
        text.append(matcher.finish());

        String whole = String.join("", pieces);
        assertThat(text).hasToString(naive(whole, stops));
        assertThat(matcher.stopped()).isEqualTo(!naive(whole, stops).equals(whole));
    }

    @Property
    void nothingIsHeldBackThatNoStopStringBeginsWith(
            @ForAll @CharRange(from = 'a', to = 'c') @StringLength(max = 20) String text,
            @ForAll @CharRange(from = 'a', to = 'c') @StringLength(min = 1, max = 4) String stop) {
        StopMatcher matcher = new StopMatcher(List.of(stop));
        String out = matcher.append(text);
        if (!matcher.stopped()) {
            assertThat(stop).startsWith(text.substring(out.length()));
        }
    }

    @Test
    void shouldNotCutACharacterInHalf() {
        StopMatcher matcher = new StopMatcher(List.of("\uDE00", "\uD83D", "b"));
        assertThat(matcher.append("a\uD83D\uDE00")).isEqualTo("a\uD83D\uDE00");
        assertThat(matcher.append("bc")).isEmpty();
        assertThat(matcher.stopped()).isTrue();
    }

    /** A text that may come is looked at as one that does, and stays ahead. */
    @Property
    void whatWouldStopStopsWhenItComes(
            @ForAll @CharRange(from = 'a', to = 'c') @StringLength(max = 6) String before,
            @ForAll @CharRange(from = 'a', to = 'c') @StringLength(max = 9) String text,
            @ForAll @IntRange(max = 9) int first,
            @ForAll @Size(max = 3)
                    List<@CharRange(from = 'a', to = 'c') @StringLength(max = 4) String> stops) {
        StopMatcher matcher = new StopMatcher(stops);
        matcher.append(before);
        if (matcher.stopped()) {
            return;
        }
        int looked = Math.min(first, text.length());
        boolean would = matcher.wouldStop(text.substring(0, looked), 0);
        would |= matcher.wouldStop(text, would ? 0 : looked);
        matcher.append(text);
        assertThat(would).isEqualTo(matcher.stopped());
    }

    @Test
    void shouldLetHeldTextGoWhenItIsNoStopString() {
        StopMatcher matcher = new StopMatcher(List.of("END"));
        assertThat(matcher.append("the E")).isEqualTo("the ");
        assertThat(matcher.append("N")).isEmpty();
        assertThat(matcher.append("T")).isEqualTo("ENT");
        assertThat(matcher.append("E")).isEmpty();
        assertThat(matcher.finish()).isEqualTo("E");
        assertThat(matcher.stopped()).isFalse();
    }
}
