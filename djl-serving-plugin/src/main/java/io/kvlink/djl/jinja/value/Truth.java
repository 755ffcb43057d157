// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.math.BigInteger;

/** Python's rule for values that count as true. */
public final class Truth {

    private Truth() {}

    public static boolean of(Object value) {
        if (value instanceof Boolean bool) {
            return bool;
        }
        if (value instanceof String text) {
            return !text.isEmpty();
        }
        if (value instanceof Undefined || value == None.NONE) {
            return false;
        }
        if (value instanceof Long number) {
            return number != 0;
        }
        if (value instanceof Double number) {
            return number != 0;
        }
        if (value instanceof PySequence sequence) {
            return sequence.size() > 0;
        }
        if (value instanceof PyDict dict) {
            return dict.size() > 0;
        }
        return ofRare(value);
    }

    private static boolean ofRare(Object value) {
        if (value instanceof Markup markup) {
            return !markup.text().isEmpty();
        }
        if (value instanceof BigInteger number) {
            return number.signum() != 0;
        }
        if (value instanceof PyRange range) {
            return range.size() > 0;
        }
        if (value instanceof DictView view) {
            return view.dict().size() > 0;
        }
        if (value instanceof LoopValue loop) {
            return loop.length() > 0;
        }
        return !(value instanceof PyBytes bytes) || bytes.size() > 0;
    }
}
