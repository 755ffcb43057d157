// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.DictView;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Numbers;
import io.kvlink.djl.jinja.value.PyBytes;
import io.kvlink.djl.jinja.value.PyDict;
import io.kvlink.djl.jinja.value.PyList;
import io.kvlink.djl.jinja.value.PyRange;
import io.kvlink.djl.jinja.value.PySequence;
import io.kvlink.djl.jinja.value.PyTuple;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Text;
import io.kvlink.djl.jinja.value.Types;
import io.kvlink.djl.jinja.value.Undefined;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** Python's equality, order and membership. */
public final class Comparison {

    private Comparison() {}

    public static boolean equal(Rendering rendering, Object a, Object b) {
        if (a == b) {
            return !(a instanceof Double number) || !number.isNaN();
        }
        if (Text.is(a) && Text.is(b)) {
            rendering.scan(Math.min(Text.of(a).length(), Text.of(b).length()));
            return Text.of(a).equals(Text.of(b));
        }
        if (Numbers.is(a) && Numbers.is(b)) {
            return !isNaN(a) && !isNaN(b) && compareNumbers(a, b) == 0;
        }
        if ((a instanceof PyList && b instanceof PyList)
                || (a instanceof PyTuple && b instanceof PyTuple)) {
            return equal(rendering, ((PySequence) a).items(), ((PySequence) b).items());
        }
        if (a instanceof PyDict left && b instanceof PyDict right) {
            return equal(rendering, left, right);
        }
        if (a instanceof DictView left && b instanceof DictView right) {
            return equal(rendering, left, right);
        }
        if (a instanceof PyRange left && b instanceof PyRange right) {
            return equal(left, right);
        }
        return (a instanceof Undefined && b instanceof Undefined) || a.equals(b);
    }

    private static boolean equal(Rendering rendering, List<Object> a, List<Object> b) {
        rendering.steps(1);
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!same(rendering, a.get(i), b.get(i))) {
                return false;
            }
        }
        rendering.steps(a.size());
        return true;
    }

    /** Containers hold a value equal to itself, even if it isn't. */
    private static boolean same(Rendering rendering, Object a, Object b) {
        return a == b || equal(rendering, a, b);
    }

    private static boolean equal(Rendering rendering, PyDict a, PyDict b) {
        rendering.steps(1L + a.size());
        if (a.size() != b.size()) {
            return false;
        }
        for (PyDict.Entry entry : a.entries()) {
            Object other = b.get(entry.key());
            if (other == null || !same(rendering, entry.value(), other)) {
                return false;
            }
        }
        return true;
    }

    /** Views of keys and items are sets; views of values are equal to themselves only. */
    private static boolean equal(Rendering rendering, DictView a, DictView b) {
        if (a.kind() == DictView.Kind.VALUES || b.kind() == DictView.Kind.VALUES) {
            return false;
        }
        if (a.dict().size() != b.dict().size()) {
            return false;
        }
        for (Object element : a) {
            if (!contains(rendering, b, element)) {
                return false;
            }
        }
        return true;
    }

    private static boolean equal(PyRange a, PyRange b) {
        int size = a.size();
        return size == b.size()
                && (size == 0 || a.start() == b.start())
                && (size < 2 || a.step() == b.step());
    }

    private static boolean isNaN(Object value) {
        return value instanceof Double number && number.isNaN();
    }

    private static int compareNumbers(Object a, Object b) {
        if (a instanceof Long left && b instanceof Long right) {
            return Long.compare(left, right);
        }
        if (Numbers.isInteger(a) && Numbers.isInteger(b)) {
            return Numbers.big(a).compareTo(Numbers.big(b));
        }
        if (a instanceof Double left && (b instanceof Double || left.isInfinite())) {
            double right = b instanceof Double real ? real : 0;
            return left < right ? -1 : left > right ? 1 : 0;
        }
        if (b instanceof Double right && right.isInfinite()) {
            return right > 0 ? -1 : 1;
        }
        return exact(a).compareTo(exact(b));
    }

    private static BigDecimal exact(Object number) {
        return number instanceof Double real
                ? new BigDecimal(real)
                : new BigDecimal(Numbers.big(number));
    }

    /** Result of one of the operators {@code <}, {@code <=}, {@code >}, {@code >=}. */
    public static boolean ordered(Rendering rendering, String operator, Object a, Object b) {
        if ((isNaN(a) && Numbers.is(b)) || (isNaN(b) && Numbers.is(a))) {
            return false;
        }
        int order;
        if (Numbers.is(a) && Numbers.is(b)) {
            order = compareNumbers(a, b);
        } else if (Text.is(a) && Text.is(b)) {
            rendering.scan(Math.min(Text.of(a).length(), Text.of(b).length()));
            order = Text.compare(Text.of(a), Text.of(b));
        } else if ((a instanceof PyList && b instanceof PyList)
                || (a instanceof PyTuple && b instanceof PyTuple)) {
            return ordered(rendering, operator, ((PySequence) a).items(), ((PySequence) b).items());
        } else {
            throw unordered(operator, a, b);
        }
        return switch (operator) {
            case "<" -> order < 0;
            case "<=" -> order <= 0;
            case ">" -> order > 0;
            default -> order >= 0;
        };
    }

    private static boolean ordered(
            Rendering rendering, String operator, List<Object> a, List<Object> b) {
        int common = Math.min(a.size(), b.size());
        for (int i = 0; i < common; i++) {
            rendering.step();
            if (!same(rendering, a.get(i), b.get(i))) {
                return ordered(rendering, operator, a.get(i), b.get(i));
            }
        }
        return ordered(rendering, operator, (Object) (long) a.size(), (Object) (long) b.size());
    }

    private static TemplateException unordered(String operator, Object a, Object b) {
        if (a instanceof Undefined undefined) {
            return undefined.error();
        }
        if (b instanceof Undefined undefined) {
            return undefined.error();
        }
        return TemplateException.type(
                "'%s' not supported between instances of '%s' and '%s'"
                        .formatted(operator, Types.name(a), Types.name(b)));
    }

    static boolean less(Rendering rendering, Object a, Object b) {
        return ordered(rendering, "<", a, b);
    }

    /** Python's {@code in}. */
    public static boolean contains(Rendering rendering, Object container, Object value) {
        if (Text.is(container)) {
            if (!Text.is(value)) {
                throw TemplateException.type(
                        "'in <string>' requires string as left operand, not " + Types.name(value));
            }
            rendering.scan(Text.of(container).length());
            return Text.indexOf(Text.of(container), Text.of(value), 0) >= 0;
        }
        if (container instanceof PyDict dict) {
            return dict.has(value);
        }
        if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
            return view.dict().has(value);
        }
        if (container instanceof PyRange range && value instanceof Long number) {
            return range.has(number);
        }
        if (container instanceof PyBytes bytes && Numbers.isInteger(value)) {
            long wanted = Numbers.index(value);
            for (byte b : bytes.bytes()) {
                if ((b & 0xff) == wanted) {
                    return true;
                }
            }
            return false;
        }
        if (!Iteration.isIterable(container)) {
            throw TemplateException.type(
                    "argument of type '%s' is not iterable".formatted(Types.name(container)));
        }
        for (Iterator<Object> all = Iteration.of(container); all.hasNext(); ) {
            rendering.step();
            if (same(rendering, all.next(), value)) {
                return true;
            }
        }
        return false;
    }

    /** An element with what it is sorted by. */
    public record Keyed(Object key, Object value) {}

    /** Sorts stably as Python does, by merging; no order of the elements makes it fail. */
    public static List<Keyed> sorted(Rendering rendering, List<Keyed> elements, boolean reverse) {
        if (elements.size() < 2) {
            return elements;
        }
        int middle = elements.size() / 2;
        List<Keyed> left = sorted(rendering, elements.subList(0, middle), reverse);
        List<Keyed> right = sorted(rendering, elements.subList(middle, elements.size()), reverse);
        List<Keyed> merged = new ArrayList<>(elements.size());
        int l = 0;
        int r = 0;
        while (l < left.size() && r < right.size()) {
            rendering.step();
            Object a = left.get(l).key();
            Object b = right.get(r).key();
            boolean takeRight = reverse ? less(rendering, a, b) : less(rendering, b, a);
            merged.add(takeRight ? right.get(r++) : left.get(l++));
        }
        merged.addAll(left.subList(l, left.size()));
        merged.addAll(right.subList(r, right.size()));
        return merged;
    }
}
