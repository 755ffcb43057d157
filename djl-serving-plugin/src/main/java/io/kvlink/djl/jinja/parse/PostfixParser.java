// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.builtin.Filter;
import io.kvlink.djl.jinja.builtin.Filters;
import io.kvlink.djl.jinja.builtin.Tests;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.expression.ArgumentExpressions;
import io.kvlink.djl.jinja.expression.AttributeExpression;
import io.kvlink.djl.jinja.expression.CallExpression;
import io.kvlink.djl.jinja.expression.ConstantExpression;
import io.kvlink.djl.jinja.expression.ElementExpression;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.expression.FilterExpression;
import io.kvlink.djl.jinja.expression.SequenceExpression;
import io.kvlink.djl.jinja.expression.SliceExpression;
import io.kvlink.djl.jinja.expression.TestExpression;
import io.kvlink.djl.jinja.expression.UnaryExpression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parser of what stands behind a value: attributes, elements, calls, filters, tests. */
final class PostfixParser {

    /** Tests' names that may be such without being an argument. */
    private static final Set<String> NO_ARGUMENT = Set.of("else", "or", "and");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private final MadeNames made;

    PostfixParser(TokenStream tokens, ExpressionParser expressions, MadeNames made) {
        this.tokens = tokens;
        this.expressions = expressions;
        this.made = made;
    }

    MadeNames made() {
        return made;
    }

    Expression postfix(Expression of) {
        Expression value = of;
        while (true) {
            if (tokens.isOperator(".")) {
                value = attribute(value);
            } else if (tokens.isOperator("[")) {
                value = subscript(value);
            } else if (tokens.isOperator("(")) {
                value = call(value);
            } else {
                return value;
            }
        }
    }

    Expression filtered(Expression of) {
        Expression value = of;
        while (true) {
            if (tokens.skipOperator("|")) {
                value = filter(value);
            } else if (tokens.isName("is")) {
                value = test(value);
            } else if (tokens.isOperator("(")) {
                value = call(value);
            } else {
                return value;
            }
        }
    }

    private Expression attribute(Expression of) {
        int line = tokens.next().line();
        Token name = tokens.next();
        if (name.type() == Token.Type.NAME) {
            return new AttributeExpression(line, of, name.text());
        }
        if (name.type() != Token.Type.NUMBER_INTEGER) {
            throw new TemplateSyntaxException("expected name or number", name.line());
        }
        return new ElementExpression(line, of, new ConstantExpression(line, name.value()));
    }

    private Expression subscript(Expression of) {
        int line = tokens.next().line();
        expressions.enter();
        Expression value = sliceOrElement(line, of);
        expressions.leave();
        return value;
    }

    private Expression sliceOrElement(int line, Expression of) {
        List<Expression> keys = new ArrayList<>();
        while (!tokens.isOperator("]")) {
            Expression key = tokens.isOperator(":") ? null : expressions.expression();
            if (tokens.isOperator(":")) {
                if (!keys.isEmpty()) {
                    throw tokens.fault("invalid syntax: a slice among several keys");
                }
                return slice(line, of, key);
            }
            if (key != null) {
                keys.add(key);
            }
            if (!tokens.isOperator("]")) {
                tokens.expectOperator(",");
            }
        }
        tokens.expectOperator("]");
        // A comma behind a single key makes no tuple, other than in Python.
        return new ElementExpression(
                line,
                of,
                keys.size() == 1 ? keys.get(0) : new SequenceExpression(line, keys, true));
    }

    private Expression slice(int line, Expression of, @Nullable Expression start) {
        tokens.expectOperator(":");
        Expression stop = bound();
        Expression step = tokens.skipOperator(":") ? bound() : null;
        tokens.expectOperator("]");
        return new SliceExpression(line, of, start, stop, step);
    }

    private @Nullable Expression bound() {
        return tokens.isOperator(":") || tokens.isOperator("]") ? null : expressions.expression();
    }

    private Expression call(Expression callee) {
        int line = tokens.line();
        ArgumentExpressions arguments = arguments();
        if (callee instanceof AttributeExpression attribute) {
            made.called(attribute.name(), line);
        }
        return new CallExpression(line, callee, arguments);
    }

    private ArgumentExpressions arguments() {
        int line = tokens.line();
        expressions.enter();
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        Expression rest = null;
        Expression namedRest = null;
        while (!tokens.isOperator(")")) {
            if (tokens.isOperator("*")) {
                require(rest == null && namedRest == null, line);
                tokens.next();
                rest = expressions.expression();
            } else if (tokens.isOperator("**")) {
                require(namedRest == null, line);
                tokens.next();
                namedRest = expressions.expression();
            } else if (tokens.is(Token.Type.NAME) && tokens.ahead().isOperator("=")) {
                require(namedRest == null, line);
                named(named);
            } else {
                require(rest == null && namedRest == null && named.isEmpty(), line);
                positional.add(expressions.expression());
            }
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator(")");
        expressions.leave();
        return new ArgumentExpressions(List.copyOf(positional), named, rest, namedRest);
    }

    private void named(Map<String, Expression> named) {
        Token name = tokens.next();
        tokens.next();
        made.add(name.text());
        if (named.put(name.text(), expressions.expression()) != null) {
            throw new TemplateSyntaxException(
                    "keyword argument repeated: " + name.text(), name.line());
        }
    }

    private static void require(boolean valid, int line) {
        if (!valid) {
            throw new TemplateSyntaxException("invalid syntax for function call expression", line);
        }
    }

    /** The filters that follow; null if there are none and nothing to filter. */
    @Nullable FilterExpression filters() {
        FilterExpression value = null;
        while (tokens.skipOperator("|")) {
            value = filter(value);
        }
        return value;
    }

    /** The filters that follow one. */
    FilterExpression filters(FilterExpression first) {
        FilterExpression value = first;
        while (tokens.skipOperator("|")) {
            value = filter(value);
        }
        return value;
    }

    /** One filter, by its name and its arguments. */
    FilterExpression filter(@Nullable Expression of) {
        int line = tokens.line();
        String name = dotted();
        Filter filter = Filters.named(name, line);
        ArgumentExpressions arguments =
                tokens.isOperator("(") ? arguments() : ArgumentExpressions.NONE;
        Filters.requireKnown(name, place -> constant(arguments, place), line);
        return new FilterExpression(line, of, filter, arguments);
    }

    private static @Nullable String constant(ArgumentExpressions arguments, int place) {
        boolean given = arguments.positional().size() > place;
        return given
                        && arguments.positional().get(place) instanceof ConstantExpression constant
                        && constant.value() instanceof String name
                ? name
                : null;
    }

    private String dotted() {
        StringBuilder name = new StringBuilder(tokens.expect(Token.Type.NAME).text());
        while (tokens.skipOperator(".")) {
            name.append('.').append(tokens.expect(Token.Type.NAME).text());
        }
        return name.toString();
    }

    private Expression test(Expression of) {
        int line = tokens.next().line();
        boolean negated = tokens.skipName("not");
        String name = dotted();
        Filter test = Tests.named(name, line);
        Expression value = new TestExpression(line, of, test, testArguments());
        return negated ? new UnaryExpression(line, "not", value) : value;
    }

    private ArgumentExpressions testArguments() {
        if (tokens.isOperator("(")) {
            return arguments();
        }
        Token token = tokens.current();
        boolean argument =
                switch (token.type()) {
                    case NAME -> !NO_ARGUMENT.contains(token.text());
                    case STRING, NUMBER_INTEGER, NUMBER_FLOAT -> true;
                    case OPERATOR -> token.text().equals("[") || token.text().equals("{");
                    default -> false;
                };
        if (!argument) {
            return ArgumentExpressions.NONE;
        }
        if (token.isName("is")) {
            throw tokens.fault("You cannot chain multiple tests with is");
        }
        Expression value = postfix(expressions.primary(false));
        return new ArgumentExpressions(List.of(value), Map.of(), null, null);
    }
}
