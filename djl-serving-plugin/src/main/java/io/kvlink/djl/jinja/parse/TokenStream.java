// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.value.Repr;
import java.util.List;

/** Tokens of a template, and how far they were read. */
final class TokenStream {

    private final List<Token> tokens;
    private int at;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(at);
    }

    Token ahead() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    int line() {
        return current().line();
    }

    Token next() {
        Token token = current();
        at = Math.min(at + 1, tokens.size() - 1);
        return token;
    }

    boolean is(Token.Type type) {
        return current().type() == type;
    }

    boolean isOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean isName(String name) {
        return current().isName(name);
    }

    boolean skipOperator(String operator) {
        boolean found = isOperator(operator);
        if (found) {
            next();
        }
        return found;
    }

    boolean skipName(String name) {
        boolean found = isName(name);
        if (found) {
            next();
        }
        return found;
    }

    Token expect(Token.Type type) {
        if (!is(type)) {
            throw fault(
                    "expected token %s, got %s"
                            .formatted(
                                    Repr.quoted(type.name().toLowerCase(java.util.Locale.ROOT)),
                                    current().described()));
        }
        return next();
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw fault("expected token '%s', got %s".formatted(operator, current().described()));
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw fault("expected token '%s', got %s".formatted(name, current().described()));
        }
    }

    TemplateSyntaxException fault(String message) {
        return new TemplateSyntaxException(message, line());
    }
}
