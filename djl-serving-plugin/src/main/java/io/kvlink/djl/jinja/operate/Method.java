// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.value.Arguments;
import io.kvlink.djl.jinja.value.Callable;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.Signature;

/**
 * Method of one of Python's types.
 *
 * @param name the method's
 * @param signature its parameters, without the value that it is called on
 * @param body what it does
 */
public record Method(String name, Signature signature, Body body) {

    /** Code of a method. */
    public interface Body {

        /** Called with the arguments by place; null where one was left out. */
        Object call(Rendering rendering, Object self, Object[] given);
    }

    public static Method of(String name, String parameters, Body body) {
        return new Method(name, Signature.of(name, parameters), body);
    }

    /** Bound to a value. */
    public Callable on(Object self) {
        return new BoundMethod(self, this);
    }

    private record BoundMethod(Object self, Method method) implements Callable {

        @Override
        public Object call(Rendering rendering, Arguments arguments) {
            return method.body.call(rendering, self, method.signature.bind(arguments));
        }

        @Override
        public String typeName() {
            return "builtin_function_or_method";
        }
    }
}
