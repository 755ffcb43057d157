// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenTextTest {

    @ParameterizedTest
    @CsvSource(
            ignoreLeadingAndTrailingWhitespace = false,
            quoteCharacter = '"',
            value = {
                "BYTE_FALLBACK,<0xF0>,\uFFFD,f0,bytes:\\xf0",
                "BYTE_FALLBACK,<0x41>,A,41,A",
                "BYTE_FALLBACK,▁Leo, Leo,204c656f, Leo",
                "BYTE_FALLBACK,</s>,</s>,3c2f733e,</s>",
                "BYTE_FALLBACK,😀,😀,f09f9880,😀",
                "BYTE_FALLBACK,\uFFFD,\uFFFD,efbfbd,\uFFFD",
                "UNIGRAM_BYTE_FALLBACK,<0x80>,\uFFFD,80,bytes:\\x80",
                "METASPACE_ALWAYS,▁▁,  ,2020,  ",
                "METASPACE_ALWAYS,<0xF0>,<0xF0>,3c307846303e,<0xF0>",
                "WORD_PIECE,##ing,ing,696e67,ing",
                "WORD_PIECE,ok, ok,206f6b, ok",
                "WORD_PIECE,.,.,2e,.",
                "BYTE_LEVEL,ðŁ,\uFFFD,f09f,bytes:\\xf0\\x9f",
                "BYTE_LEVEL,Ġé, \uFFFD,20e9,bytes: \\xe9",
                "BYTE_LEVEL,bc,bc,6263,bc",
                "BYTE_LEVEL,</s>,</s>,3c2f733e,</s>",
            })
    void shouldBeTheTokensOwn(
            TokenizerKinds kind, String token, String text, String bytes, String name) {
        try (Tokenizer tokenizer = kind.load()) {
            TokenText own = tokenizer.tokenText(kind.tokens().indexOf(token));
            assertThat(own.text()).isEqualTo(text);
            assertThat(HexFormat.of().formatHex(own.bytes())).isEqualTo(bytes);
            assertThat(own.name()).isEqualTo(name);
            int added = kind.tokens().size();
            assertThat(tokenizer.tokenText(added).text()).contains("<tool call>");
            assertThat(tokenizer.tokenText(added + 1).text()).contains("<|im_end|>");
        }
    }
}
