// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.expression.BinaryExpression;
import io.kvlink.djl.jinja.expression.CompareExpression;
import io.kvlink.djl.jinja.expression.ConcatExpression;
import io.kvlink.djl.jinja.expression.ConditionalExpression;
import io.kvlink.djl.jinja.expression.ConstantExpression;
import io.kvlink.djl.jinja.expression.DictExpression;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.expression.FilterExpression;
import io.kvlink.djl.jinja.expression.LogicExpression;
import io.kvlink.djl.jinja.expression.NameExpression;
import io.kvlink.djl.jinja.expression.NamespaceReference;
import io.kvlink.djl.jinja.expression.SequenceExpression;
import io.kvlink.djl.jinja.expression.UnaryExpression;
import io.kvlink.djl.jinja.statement.Target;
import io.kvlink.djl.jinja.value.None;
import io.kvlink.djl.jinja.value.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parser of expressions, from the loosest operator to the tightest. For one template. */
final class ExpressionParser {

    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

    private final TokenStream tokens;
    private final PostfixParser postfix;
    private int depth;
    private int deepest;

    ExpressionParser(TokenStream tokens, MadeNames made) {
        this.tokens = tokens;
        this.postfix = new PostfixParser(tokens, this, made);
    }

    MadeNames made() {
        return postfix.made();
    }

    /** The depth of the deepest expression so far. */
    int deepest() {
        return deepest;
    }

    void enter() {
        if (++depth > Limits.EXPRESSION_DEPTH) {
            throw tokens.fault("expressions nested deeper than " + Limits.EXPRESSION_DEPTH);
        }
    }

    void leave() {
        depth--;
    }

    PostfixParser postfix() {
        return postfix;
    }

    /** An expression, or several with commas between them, which are a tuple. */
    Expression tuple(boolean conditional) {
        return tuple(conditional, false);
    }

    private Expression tuple(boolean conditional, boolean parentheses) {
        int line = tokens.line();
        List<Expression> items = new ArrayList<>();
        boolean comma = false;
        while (!atTupleEnd()) {
            items.add(conditional ? expression() : or());
            if (!tokens.skipOperator(",")) {
                break;
            }
            comma = true;
        }
        return tupleOf(line, items, comma, parentheses);
    }

    private Expression tupleOf(
            int line, List<Expression> items, boolean comma, boolean parentheses) {
        if (!comma && items.size() == 1) {
            return items.get(0);
        }
        if (!comma && !parentheses) {
            throw tokens.fault("Expected an expression, got " + tokens.current().described());
        }
        return new SequenceExpression(line, items, true);
    }

    private boolean atTupleEnd() {
        return tokens.is(Token.Type.VARIABLE_END)
                || tokens.is(Token.Type.BLOCK_END)
                || tokens.is(Token.Type.END)
                || tokens.isOperator(")");
    }

    /** Target of an assignment. */
    Target target(boolean namespaces) {
        int line = tokens.line();
        List<Expression> items = new ArrayList<>();
        boolean comma = false;
        while (!atTupleEnd()) {
            items.add(primary(namespaces));
            if (!tokens.skipOperator(",")) {
                break;
            }
            comma = true;
        }
        return Target.of(tupleOf(line, items, comma, false));
    }

    /** The rest of what stands in parentheses, the closing one included. */
    private Expression parenthesized() {
        Expression inner = tuple(true, true);
        tokens.expectOperator(")");
        return inner;
    }

    Expression expression() {
        enter();
        int line = tokens.line();
        Expression value = or();
        while (tokens.skipName("if")) {
            Expression test = or();
            Expression otherwise = tokens.skipName("else") ? expression() : null;
            value = new ConditionalExpression(line, test, value, otherwise);
        }
        leave();
        deepest = Math.max(deepest, value.depth());
        return value;
    }

    private Expression or() {
        Expression left = and();
        while (tokens.isName("or")) {
            int line = tokens.next().line();
            left = new LogicExpression(line, false, left, and());
        }
        deepest = Math.max(deepest, left.depth());
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.isName("and")) {
            int line = tokens.next().line();
            left = new LogicExpression(line, true, left, not());
        }
        return left;
    }

    private Expression not() {
        if (!tokens.isName("not")) {
            return comparison();
        }
        enter();
        int line = tokens.next().line();
        Expression negated = new UnaryExpression(line, "not", not());
        leave();
        return negated;
    }

    private Expression comparison() {
        int line = tokens.line();
        Expression first = sum();
        List<CompareExpression.Operand> operands = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            if (token.type() == Token.Type.OPERATOR && COMPARISONS.contains(token.text())) {
                tokens.next();
                operands.add(new CompareExpression.Operand(token.text(), sum()));
            } else if (tokens.skipName("in")) {
                operands.add(new CompareExpression.Operand("in", sum()));
            } else if (token.isName("not") && tokens.ahead().isName("in")) {
                tokens.next();
                tokens.next();
                operands.add(new CompareExpression.Operand("not in", sum()));
            } else {
                break;
            }
        }
        return operands.isEmpty() ? first : new CompareExpression(line, first, operands);
    }

    private Expression sum() {
        Expression left = concatenation();
        while (tokens.isOperator("+") || tokens.isOperator("-")) {
            Token operator = tokens.next();
            left = new BinaryExpression(operator.line(), operator.text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        int line = tokens.line();
        List<Expression> operands = new ArrayList<>();
        do {
            operands.add(product());
        } while (tokens.skipOperator("~"));
        return operands.size() == 1 ? operands.get(0) : new ConcatExpression(line, operands);
    }

    private Expression product() {
        Expression left = power();
        while (tokens.isOperator("*")
                || tokens.isOperator("/")
                || tokens.isOperator("//")
                || tokens.isOperator("%")) {
            Token operator = tokens.next();
            left = new BinaryExpression(operator.line(), operator.text(), left, power());
        }
        return left;
    }

    /** Groups from the left as the others do, other than in Python. */
    private Expression power() {
        Expression left = unary(true);
        while (tokens.isOperator("**")) {
            Token operator = tokens.next();
            left = new BinaryExpression(operator.line(), "**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean filtered) {
        Token token = tokens.current();
        Expression value;
        if (token.isOperator("-") || token.isOperator("+")) {
            enter();
            tokens.next();
            value = new UnaryExpression(token.line(), token.text(), unary(false));
            leave();
        } else {
            value = primary(false);
        }
        value = postfix.postfix(value);
        return filtered ? postfix.filtered(value) : value;
    }

    Expression primary(boolean namespaces) {
        Token token = tokens.next();
        return switch (token.type()) {
            case NAME -> name(token, namespaces);
            case STRING -> string(token);
            case NUMBER_INTEGER, NUMBER_FLOAT ->
                    new ConstantExpression(token.line(), token.value());
            case OPERATOR -> bracketed(token);
            default -> throw unexpected(token);
        };
    }

    private static TemplateSyntaxException unexpected(Token token) {
        return new TemplateSyntaxException("unexpected " + token.described(), token.line());
    }

    private Expression bracketed(Token open) {
        enter();
        Expression inner =
                switch (open.text()) {
                    case "(" -> parenthesized();
                    case "[" -> list(open.line());
                    case "{" -> dict(open.line());
                    default -> throw unexpected(open);
                };
        leave();
        return inner;
    }

    private Expression name(Token token, boolean namespaces) {
        int line = token.line();
        return switch (token.text()) {
            case "true", "True" -> new ConstantExpression(line, true);
            case "false", "False" -> new ConstantExpression(line, false);
            case "none", "None" -> new ConstantExpression(line, None.NONE);
            default -> {
                if (namespaces && tokens.skipOperator(".")) {
                    String attribute = tokens.expect(Token.Type.NAME).text();
                    made().add(attribute);
                    yield new NamespaceReference(line, token.text(), attribute);
                }
                yield new NameExpression(line, token.text());
            }
        };
    }

    private Expression string(Token first) {
        StringBuilder text = new StringBuilder((String) first.value());
        while (tokens.is(Token.Type.STRING)) {
            text.append((String) tokens.next().value());
        }
        return new ConstantExpression(first.line(), text.toString());
    }

    private Expression list(int line) {
        List<Expression> items = new ArrayList<>();
        while (!tokens.isOperator("]")) {
            items.add(expression());
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("]");
        return new SequenceExpression(line, items, false);
    }

    private Expression dict(int line) {
        List<DictExpression.Pair> pairs = new ArrayList<>();
        while (!tokens.isOperator("}")) {
            Expression key = expression();
            if (key instanceof ConstantExpression constant && Text.is(constant.value())) {
                made().add(Text.of(constant.value()));
            }
            tokens.expectOperator(":");
            pairs.add(new DictExpression.Pair(key, expression()));
            if (!tokens.skipOperator(",")) {
                break;
            }
        }
        tokens.expectOperator("}");
        return new DictExpression(line, pairs);
    }

    @Nullable FilterExpression filters() {
        return postfix.filters();
    }
}
