// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The test {@code is iterable} as Python answers it: a string and a mapping are, too. */
final class PythonIterable implements ExpTest {

    @Override
    public String getName() {
        return "iterable";
    }

    @Override
    public boolean evaluate(
            @Nullable Object value, JinjavaInterpreter interpreter, @Nullable Object... args) {
        return value instanceof Iterable
                || value instanceof CharSequence
                || value instanceof Map
                || (value != null && value.getClass().isArray());
    }
}
