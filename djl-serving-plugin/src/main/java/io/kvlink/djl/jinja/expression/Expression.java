// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Scope;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Expression of a template. Bound once, before the template is used; evaluates itself. */
public abstract sealed class Expression
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

    public abstract Object evaluate(Scope scope);

    /** True if the value is equal in all renderings, so that Jinja2 computes it beforehand. */
    public boolean isConstant() {
        return parts.stream().allMatch(Expression::isConstant);
    }

    /** Tells the parts that they are of what Jinja2 computes beforehand. */
    public void fold() {
        parts.forEach(Expression::fold);
    }

    public int line() {
        return line;
    }

    public int depth() {
        return depth;
    }

    /** Tells the names in it. */
    public void names(Names names) {
        parts.forEach(part -> part.names(names));
    }

    /** Finds the variables that its names mean. */
    public void bind(BindFrame frame) {
        parts.forEach(part -> part.bind(frame));
    }
}
