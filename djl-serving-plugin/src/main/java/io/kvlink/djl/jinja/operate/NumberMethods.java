// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.TextArguments;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Methods and attributes of Python's numbers. */
final class NumberMethods {

    static final List<Method> INTEGER =
            List.of(
                    Method.of(
                            "bit_length",
                            "/",
                            (r, self, a) -> (long) Numbers.big(self).abs().bitLength()),
                    Method.of(
                            "bit_count",
                            "/",
                            (r, self, a) -> (long) Numbers.big(self).abs().bitCount()),
                    Method.of("conjugate", "/", (r, self, a) -> Arithmetic.positive(self)),
                    Method.of(
                            "as_integer_ratio",
                            "/",
                            (r, self, a) -> PyTuple.of(Arithmetic.positive(self), 1L)),
                    Method.of("to_bytes", "length? byteorder? signed?", NumberMethods::toBytes),
                    Method.of(
                            "from_bytes",
                            "bytes byteorder? signed?",
                            (r, self, a) -> {
                                throw TemplateException.unsupported("int.from_bytes");
                            }));

    static final List<Method> REAL =
            List.of(
                    Method.of("is_integer", "/", (r, self, a) -> isInteger((Double) self)),
                    Method.of("conjugate", "/", (r, self, a) -> self),
                    Method.of("hex", "/", (r, self, a) -> hex((Double) self)),
                    Method.of("as_integer_ratio", "/", (r, self, a) -> ratio((Double) self)));

    private NumberMethods() {}

    /** An attribute that is no method; null if there is none. */
    static @Nullable Object property(Object of, String name) {
        if (of instanceof PyRange range) {
            return switch (name) {
                case "start" -> range.start();
                case "stop" -> range.stop();
                case "step" -> range.step();
                default -> null;
            };
        }
        if (!Numbers.is(of)) {
            return null;
        }
        boolean integer = Numbers.isInteger(of);
        return switch (name) {
            case "real" -> Arithmetic.positive(of);
            case "imag" -> integer ? (Object) 0L : (Object) 0.0;
            case "numerator" -> integer ? Arithmetic.positive(of) : null;
            case "denominator" -> integer ? 1L : null;
            default -> null;
        };
    }

    private static Object toBytes(Rendering rendering, Object self, @Nullable Object[] given) {
        long length = given[0] == null ? 1 : Numbers.index(given[0]);
        String order = given[1] == null ? "big" : TextArguments.required("to_bytes", given[1]);
        BigInteger value = Numbers.big(self);
        if (given[2] != null || !(order.equals("big") || order.equals("little"))) {
            throw TemplateException.unsupported("int.to_bytes with these arguments");
        }
        if (length < 0 || value.signum() < 0 || value.bitLength() > 8 * length) {
            throw TemplateException.overflow("int too big to convert");
        }
        rendering.requireRoom(length);
        byte[] bytes = new byte[(int) length];
        for (int i = 0; i * 8 < value.bitLength(); i++) {
            int at = order.equals("little") ? i : bytes.length - 1 - i;
            bytes[at] = value.shiftRight(8 * i).byteValue();
        }
        return new PyBytes(bytes);
    }

    private static boolean isInteger(double value) {
        return !Double.isInfinite(value) && value == Math.rint(value);
    }

    private static String hex(double value) {
        String text = Double.toHexString(value);
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return Numbers.realText(value);
        }
        int point = text.indexOf('.');
        int exponent = text.indexOf('p');
        String digits = text.substring(point + 1, exponent);
        String fraction = value == 0 ? "0" : digits + "0".repeat(13 - digits.length());
        String power = text.substring(exponent + 1);
        return text.substring(0, point + 1)
                + fraction
                + "p"
                + (power.startsWith("-") ? power : "+" + power);
    }

    private static PyTuple ratio(double value) {
        Numbers.requireFinite(value, "integer ratio");
        BigDecimal exact = new BigDecimal(value).stripTrailingZeros();
        BigInteger denominator = BigInteger.TEN.pow(Math.max(0, exact.scale()));
        BigInteger numerator = exact.multiply(new BigDecimal(denominator)).toBigInteger();
        BigInteger common = numerator.gcd(denominator).max(BigInteger.ONE);
        return PyTuple.of(
                Numbers.of(numerator.divide(common)), Numbers.of(denominator.divide(common)));
    }
}
