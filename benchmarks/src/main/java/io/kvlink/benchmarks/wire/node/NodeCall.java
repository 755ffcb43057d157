// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A command of {@link EngineApi} or {@link FloorApi}, taken down at one end and done at the other.
 * A call travels as its method's name and its arguments, which Gson writes and reads.
 *
 * @param method whose name no other method has
 * @param json its arguments
 */
public record NodeCall(Method method, String json) {

    private static final Gson GSON =
            new GsonBuilder().serializeSpecialFloatingPointValues().create();

    /** All commands. */
    public interface NodeApi extends EngineApi, FloorApi {}

    /**
     * One call, given to whatever takes it down.
     *
     * @param <R> the reply
     */
    public interface Command<R> {
        R on(NodeApi node) throws Exception;
    }

    /** Takes down the one call that a command makes. */
    public static NodeCall of(Command<?> command) {
        AtomicReference<NodeCall> seen = new AtomicReference<>();
        NodeApi recorder =
                (NodeApi)
                        Proxy.newProxyInstance(
                                NodeApi.class.getClassLoader(),
                                new Class<?>[] {NodeApi.class},
                                (proxy, method, arguments) -> {
                                    Object[] all = arguments == null ? new Object[0] : arguments;
                                    seen.set(new NodeCall(method, GSON.toJson(all)));
                                    return nothing(method.getReturnType());
                                });
        try {
            command.on(recorder);
        } catch (Exception cause) {
            throw new IllegalStateException(cause);
        }
        return Objects.requireNonNull(seen.get());
    }

    // A number that Java can unbox, or null.
    private static @Nullable Object nothing(Class<?> type) {
        return type.isPrimitive() && type != void.class ? GSON.fromJson("0", type) : null;
    }

    static NodeCall read(String name, String json) {
        Method method =
                Arrays.stream(NodeApi.class.getMethods())
                        .filter(each -> each.getName().equals(name))
                        .findFirst()
                        .orElseThrow(() -> new IllegalArgumentException("command=" + name));
        return new NodeCall(method, json);
    }

    /** Does it: the reply as JSON. */
    String run(EngineApi engine, FloorApi floors) throws Exception {
        JsonArray given = JsonParser.parseString(json).getAsJsonArray();
        Type[] types = method.getGenericParameterTypes();
        Object[] arguments = new Object[types.length];
        Arrays.setAll(arguments, i -> GSON.fromJson(given.get(i), types[i]));
        boolean floor = method.getDeclaringClass() == FloorApi.class;
        try {
            return GSON.toJson(method.invoke(floor ? floors : engine, arguments));
        } catch (InvocationTargetException cause) {
            if (cause.getCause() instanceof Exception failure) {
                throw failure;
            }
            throw cause;
        }
    }

    /** The reply's value. */
    public Object reply(String text) {
        Type type = method.getGenericReturnType();
        return type == void.class ? true : GSON.fromJson(text, type);
    }
}
