// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Laws that hold for every text that somebody may give as a template. */
class TemplatePropertiesTest {

    @Property
    void whatHasNoTagStays(@ForAll String text) {
        String plain = text.replace("{", "").replace("\r", "");
        String kept = plain.endsWith("\n") ? plain.substring(0, plain.length() - 1) : plain;
        assertThat(Rendered.of(plain)).isEqualTo(kept);
    }

    @Property(tries = 5000)
    void noTextMakesItThrowAnythingElse(@ForAll("almostTemplates") String source) {
        try {
            Rendered.of(source);
        } catch (TemplateSyntaxException expected) {
            assertThat(expected.line()).isPositive();
        } catch (TemplateException expected) {
            assertThat(expected).hasMessageStartingWith("line ");
        }
    }

    @Provide
    Arbitrary<String> almostTemplates() {
        return Arbitraries.of(
                        "{{",
                        "}}",
                        "{%",
                        "%}",
                        "{#",
                        "#}",
                        "-",
                        "+",
                        "*",
                        "**",
                        "/",
                        "//",
                        "%",
                        "~",
                        "(",
                        ")",
                        "[",
                        "]",
                        "{",
                        "}",
                        ",",
                        ".",
                        ":",
                        "=",
                        "==",
                        "<",
                        "|",
                        "'a'",
                        "\"b\"",
                        "'",
                        "\\",
                        "1",
                        "0",
                        "2.5",
                        "1e9",
                        "x",
                        "list",
                        "dict",
                        "text",
                        "loop",
                        "loop.index",
                        "ns.a",
                        " is ",
                        " in ",
                        "not ",
                        " and ",
                        " or ",
                        " if ",
                        " else ",
                        "for x in list",
                        "endfor",
                        "if x",
                        "endif",
                        "elif x",
                        "else",
                        "set x = 1",
                        "set x",
                        "endset",
                        "macro m(a, b=1)",
                        "endmacro",
                        "call m()",
                        "endcall",
                        "m(1)",
                        "filter upper",
                        "endfilter",
                        "with a = 1",
                        "endwith",
                        "block b",
                        "endblock",
                        "recursive",
                        "raw",
                        "endraw",
                        "break",
                        "continue",
                        "generation",
                        "endgeneration",
                        "none",
                        "true",
                        "upper",
                        "join",
                        "list",
                        "map('upper')",
                        "select('odd')",
                        "defined",
                        "items()",
                        "[::-1]",
                        ".items()",
                        "namespace(a=1)",
                        "range(3)",
                        "\n",
                        " ")
                .list()
                .ofMaxSize(25)
                .map(TemplatePropertiesTest::joined);
    }

    private static String joined(List<String> parts) {
        return String.join("", parts);
    }

    @Property(tries = 2000)
    void noExpressionMakesItThrowAnythingElse(@ForAll("almostTemplates") String inner) {
        noTextMakesItThrowAnythingElse("{{ " + inner.replace("%}", "").replace("}}", "") + " }}");
    }
}
