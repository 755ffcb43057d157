// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Expression of a template. Bound once, before the template is used; evaluates itself. */
abstract sealed class Expression
        permits AttributeExpression,
                BinaryExpression,
                CallExpression,
                CompareExpression,
                ConcatExpression,
                ConditionalExpression,
                ConstantExpression,
                DictExpression,
                ElementExpression,
                FilterExpression,
                LogicExpression,
                NameExpression,
                NamespaceReference,
                SequenceExpression,
                SliceExpression,
                TestExpression,
                UnaryExpression {

    private final int line;
    private final int depth;
    private final List<Expression> parts;

    /** An expression with parts; those that are null are absent. */
    Expression(int line, @Nullable Expression... parts) {
        this(line, present(parts));
    }

    Expression(int line, List<? extends Expression> parts) {
        this.line = line;
        this.parts = List.copyOf(parts);
        this.depth = 1 + this.parts.stream().mapToInt(Expression::depth).max().orElse(0);
        if (depth > Limits.EXPRESSION_DEPTH) {
            throw new TemplateSyntaxException(
                    "expressions nested deeper than " + Limits.EXPRESSION_DEPTH, line);
        }
    }

    private static List<Expression> present(@Nullable Expression[] parts) {
        List<Expression> present = new ArrayList<>(parts.length);
        for (Expression part : parts) {
            if (part != null) {
                present.add(part);
            }
        }
        return present;
    }

    abstract Object evaluate(Scope scope);

    /** True if the value is equal in all renderings, so that Jinja2 computes it beforehand. */
    boolean isConstant() {
        return parts.stream().allMatch(Expression::isConstant);
    }

    /** Tells the parts that they are of what Jinja2 computes beforehand. */
    void fold() {
        parts.forEach(Expression::fold);
    }

    int line() {
        return line;
    }

    int depth() {
        return depth;
    }

    /** Tells the names in it. */
    void names(Names names) {
        parts.forEach(part -> part.names(names));
    }

    /** Finds the variables that its names mean. */
    void bind(BindFrame frame) {
        parts.forEach(part -> part.bind(frame));
    }
}
