// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.expression;

import io.kvlink.djl.jinja.operate.Comparison;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Rendering;
import java.util.ArrayList;
import java.util.List;

/** {@code a < b <= c}: each neighbours compared, up to the first that don't hold. */
public final class CompareExpression extends Expression {

    /** An operator with what is right of it. */
    public record Operand(String operator, Expression right) {}

    private final Expression first;
    private final List<Operand> operands;

    public CompareExpression(int line, Expression first, List<Operand> operands) {
        super(line, all(first, operands));
        this.first = first;
        this.operands = List.copyOf(operands);
    }

    private static List<Expression> all(Expression first, List<Operand> operands) {
        List<Expression> all = new ArrayList<>();
        all.add(first);
        operands.forEach(operand -> all.add(operand.right()));
        return all;
    }

    @Override
    public Object evaluate(Scope scope) {
        Object left = first.evaluate(scope);
        for (Operand operand : operands) {
            Object right = operand.right().evaluate(scope);
            if (!holds(scope.rendering(), operand.operator(), left, right)) {
                return false;
            }
            left = right;
        }
        return true;
    }

    private static boolean holds(Rendering rendering, String operator, Object a, Object b) {
        rendering.step();
        return switch (operator) {
            case "==" -> Comparison.equal(rendering, a, b);
            case "!=" -> !Comparison.equal(rendering, a, b);
            case "in" -> Comparison.contains(rendering, b, a);
            case "not in" -> !Comparison.contains(rendering, b, a);
            default -> Comparison.ordered(rendering, operator, a, b);
        };
    }
}
