// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Templates that use every construct, and long ones in the style of each family, against what
 * Python's jinja2 made of them. {@code corpus/make.py} made the fixture.
 */
class TemplateCorpusTest {

    private static final Clock NOW =
            Clock.fixed(Instant.parse("2024-07-03T15:04:09.056789Z"), ZoneOffset.UTC);

    /** Templates that Python renders and that are refused here, with why. */
    private static final Map<String, String> REFUSED =
            Map.of(
                    "{{ [(-8) ** 0.5] }}",
                    "complex numbers",
                    "{{ [d | pprint] }}",
                    "a filter that lays out lines for people who debug",
                    "{{ [['x' * 50, 'y' * 50] | pprint] }}",
                    "a filter that lays out lines for people who debug",
                    "{{ ['&eacute;' | striptags] }}",
                    "HTML's 2,231 names of characters",
                    "{{ ['&nope; &amp' | striptags] }}",
                    "HTML's 2,231 names of characters",
                    "{{ ['see https://a.b/c and www.x.org' | urlize] }}",
                    "a filter that makes HTML links");

    @TestFactory
    Stream<DynamicTest> templatesRenderAsInPython() {
        TemplateCorpus corpus = TemplateCorpus.read();
        return corpus.abouts().stream()
                .map(about -> DynamicTest.dynamicTest(about, () -> check(corpus.of(about))));
    }

    @Test
    void everyConstructIsInTheCorpus() {
        TemplateCorpus corpus = TemplateCorpus.read();
        assertThat(corpus.abouts())
                .contains("filters", "tests", "loops", "macros", "whitespace", "random");
        assertThat(corpus.size()).isGreaterThan(1000);
        Set<String> templates = corpus.templates();
        assertThat(REFUSED.keySet()).allMatch(templates::contains);
    }

    private static void check(List<TemplateCorpus.Entry> entries) {
        List<String> wrong = entries.stream().map(TemplateCorpusTest::fault).toList();
        String told = String.join("", wrong);
        if (!told.isEmpty()) {
            long count = wrong.stream().filter(fault -> !fault.isEmpty()).count();
            fail("%d of %d entries%n%s", count, entries.size(), told);
        }
    }

    /** Fault of an entry's rendering; empty if there is none. */
    private static String fault(TemplateCorpus.Entry entry) {
        String got;
        boolean rendered;
        try {
            got = render(entry);
            rendered = true;
        } catch (ChatTemplateException refused) {
            got = String.valueOf(refused.getMessage());
            rendered = false;
        }
        boolean right =
                entry.text().isPresent()
                        ? (rendered && got.equals(entry.text().get())) || mayRefuse(entry, rendered)
                        : !rendered;
        return right
                ? ""
                : "%n--- %s%n%s%n--- expected %s%n%s%n--- got %s%n%s%n"
                        .formatted(
                                entry.about(),
                                entry.template(),
                                entry.text().isPresent() ? "the text" : "a refusal",
                                entry.text().orElse(entry.error()),
                                rendered ? "the text" : "a refusal",
                                got);
    }

    private static boolean mayRefuse(TemplateCorpus.Entry entry, boolean rendered) {
        return !rendered && REFUSED.containsKey(entry.template());
    }

    private static String render(TemplateCorpus.Entry entry) {
        return ChatTemplate.of(entry.template(), entry.tokens(), NOW)
                .render(entry.messages(), entry.addGenerationPrompt(), entry.more());
    }
}
