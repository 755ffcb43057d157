// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Markup;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.TextBuffer;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** Python's arithmetic operators. */
public final class Arithmetic {

    private Arithmetic() {}

    public static Object binary(Rendering rendering, String operator, Object a, Object b) {
        if (a instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (operator.equals("%") && Text.is(a)) {
            return PercentFormat.format(rendering, a, b);
        }
        if (b instanceof Undefined undefined && !(a instanceof PySequence) && !Text.is(a)) {
            throw undefined.error();
        }
        if (Numbers.is(a) && Numbers.is(b)) {
            return Numbers.isInteger(a) && Numbers.isInteger(b)
                    ? integers(operator, a, b)
                    : reals(operator, Numbers.real(a), Numbers.real(b));
        }
        return switch (operator) {
            case "+" -> concatenated(rendering, a, b);
            case "*" -> repeated(rendering, a, b);
            default -> throw unsupported(operator, a, b);
        };
    }

    private static TemplateException unsupported(String operator, Object a, Object b) {
        if (b instanceof Undefined undefined) {
            return undefined.error();
        }
        return TemplateException.type(
                "unsupported operand type(s) for %s: '%s' and '%s'"
                        .formatted(
                                operator.equals("**") ? "** or pow()" : operator,
                                Types.name(a),
                                Types.name(b)));
    }

    private static Object concatenated(Rendering rendering, Object a, Object b) {
        if (Text.is(a) && Text.is(b)) {
            rendering.requireRoom((long) Text.of(a).length() + Text.of(b).length());
            if (a instanceof Markup || b instanceof Markup) {
                return new Markup(
                        Markup.escape(rendering, a).text() + Markup.escape(rendering, b).text());
            }
            return Text.of(a) + Text.of(b);
        }
        if (a instanceof PyList left && b instanceof PyList right) {
            return new PyList(joined(rendering, left, right));
        }
        if (a instanceof PyTuple left && b instanceof PyTuple right) {
            return new PyTuple(joined(rendering, left, right));
        }
        if (b instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Text.is(a) || a instanceof PySequence) {
            String type = Text.is(a) ? "str" : Types.name(a);
            throw TemplateException.type(
                    "can only concatenate %s (not \"%s\") to %s"
                            .formatted(type, Types.name(b), type));
        }
        throw unsupported("+", a, b);
    }

    private static List<Object> joined(Rendering rendering, PySequence a, PySequence b) {
        rendering.requireElements((long) a.size() + b.size());
        List<Object> all = new ArrayList<>(a.size() + b.size());
        all.addAll(a.items());
        all.addAll(b.items());
        return all;
    }

    private static Object repeated(Rendering rendering, Object a, Object b) {
        if (Numbers.isInteger(a) && (Text.is(b) || b instanceof PySequence)) {
            return repeated(rendering, b, a);
        }
        if (Text.is(a) && Numbers.isInteger(b)) {
            String text = new TextBuffer(rendering).repeat(Text.of(a), Numbers.index(b)).toString();
            return a instanceof Markup ? new Markup(text) : text;
        }
        if (a instanceof PySequence sequence && Numbers.isInteger(b)) {
            long times = sequence.size() == 0 ? 0 : Math.max(0, Numbers.index(b));
            rendering.requireElements(Math.min(times, Integer.MAX_VALUE) * sequence.size());
            List<Object> all = new ArrayList<>();
            for (long i = 0; i < times; i++) {
                all.addAll(sequence.items());
            }
            return a instanceof PyList ? new PyList(all) : new PyTuple(all);
        }
        if (b instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (Text.is(a) || a instanceof PySequence) {
            throw TemplateException.type(
                    "can't multiply sequence by non-int of type '%s'".formatted(Types.name(b)));
        }
        throw unsupported("*", a, b);
    }

    private static Object integers(String operator, Object a, Object b) {
        BigInteger left = Numbers.big(a);
        BigInteger right = Numbers.big(b);
        return switch (operator) {
            case "+" -> Numbers.of(left.add(right));
            case "-" -> Numbers.of(left.subtract(right));
            case "*" -> Numbers.of(left.multiply(right));
            case "/" -> quotient(left, right);
            case "//" -> Numbers.of(floorDivided(left, right)[0]);
            case "%" -> Numbers.of(floorDivided(left, right)[1]);
            default -> power(left, right);
        };
    }

    private static Object quotient(BigInteger a, BigInteger b) {
        if (b.signum() == 0) {
            throw zero("division by zero");
        }
        if (a.bitLength() <= 53 && b.bitLength() <= 53) {
            return a.doubleValue() / b.doubleValue();
        }
        double result =
                new BigDecimal(a).divide(new BigDecimal(b), new MathContext(400)).doubleValue();
        if (Double.isInfinite(result)) {
            throw TemplateException.overflow("integer division result too large for a float");
        }
        return result;
    }

    private static BigInteger[] floorDivided(BigInteger a, BigInteger b) {
        if (b.signum() == 0) {
            throw zero("integer division or modulo by zero");
        }
        BigInteger[] parts = a.divideAndRemainder(b);
        if (parts[1].signum() != 0 && parts[1].signum() != b.signum()) {
            parts[0] = parts[0].subtract(BigInteger.ONE);
            parts[1] = parts[1].add(b);
        }
        return parts;
    }

    private static Object power(BigInteger base, BigInteger exponent) {
        if (exponent.signum() < 0) {
            return reals("**", Numbers.real(Numbers.of(base)), Numbers.real(Numbers.of(exponent)));
        }
        if (base.bitLength() <= 1 && base.abs().compareTo(BigInteger.ONE) <= 0) {
            boolean even = !exponent.testBit(0);
            BigInteger result = base.signum() < 0 && even ? BigInteger.ONE : base;
            return Numbers.of(exponent.signum() == 0 ? BigInteger.ONE : result);
        }
        if (exponent.bitLength() > 31
                || (base.bitLength() - 1L) * exponent.intValue() > Limits.INTEGER_BITS) {
            throw TemplateException.limit(
                    "an integer of more than %d bits".formatted(Limits.INTEGER_BITS));
        }
        return Numbers.of(base.pow(exponent.intValue()));
    }

    private static TemplateException zero(String reason) {
        return TemplateException.of(TemplateException.Kind.ZERO_DIVISION, reason);
    }

    private static Object reals(String operator, double a, double b) {
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "**" -> realPower(a, b);
            case "/" -> a / nonZero(b, "float division by zero");
            case "//" -> floored(a, nonZero(b, "float floor division by zero"))[0];
            default -> floored(a, nonZero(b, "float modulo"))[1];
        };
    }

    private static double nonZero(double divisor, String reason) {
        if (divisor == 0) {
            throw zero(reason);
        }
        return divisor;
    }

    /** Quotient and remainder, as CPython computes them. */
    private static double[] floored(double a, double b) {
        double remainder = a % b;
        double quotient = (a - remainder) / b;
        if (remainder != 0) {
            if (b < 0 != remainder < 0) {
                remainder += b;
                quotient -= 1;
            }
        } else {
            remainder = Math.copySign(0, b);
        }
        double floor;
        if (quotient != 0) {
            floor = Math.floor(quotient);
            if (quotient - floor > 0.5) {
                floor += 1;
            }
        } else {
            floor = Math.copySign(0, a / b);
        }
        return new double[] {floor, remainder};
    }

    private static Object realPower(double a, double b) {
        if (a == 0 && b < 0) {
            throw zero("0.0 cannot be raised to a negative power");
        }
        if (a == 1 || b == 0) {
            return 1.0;
        }
        if (a == -1 && Double.isInfinite(b)) {
            return 1.0;
        }
        if (a < 0 && b != Math.rint(b) && !Double.isInfinite(a)) {
            throw TemplateException.unsupported("complex numbers aren't rendered here");
        }
        double result = Math.pow(a, b);
        if (Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
            throw TemplateException.overflow("(34, 'Numerical result out of range')");
        }
        return result;
    }

    public static Object negated(Object value) {
        if (value instanceof Double number) {
            return -number;
        }
        requireNumber("-", value);
        return Numbers.of(Numbers.big(value).negate());
    }

    public static Object positive(Object value) {
        if (value instanceof Double) {
            return value;
        }
        requireNumber("+", value);
        return Numbers.of(Numbers.big(value));
    }

    private static void requireNumber(String operator, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (!Numbers.is(value)) {
            throw TemplateException.type(
                    "bad operand type for unary %s: '%s'".formatted(operator, Types.name(value)));
        }
    }
}
