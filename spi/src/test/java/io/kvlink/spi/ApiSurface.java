// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.lang.reflect.AnnotatedArrayType;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.AnnotatedWildcardType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes down what a class offers to others: one line for the class, one for each public or
 * protected member, sorted. Built from types rather than from {@code toGenericString}, whose text
 * differs between JDKs.
 */
final class ApiSurface {

    private ApiSurface() {}

    static List<String> of(Class<?> type) {
        List<String> lines = new ArrayList<>();
        lines.add(header(type));
        if (type.isRecord()) {
            lines.add("  components " + list(type.getRecordComponents(), ApiSurface::component));
        }
        if (type.isEnum()) {
            lines.add("  constants " + list(type.getEnumConstants(), Object::toString));
        }
        members(type).sorted().forEach(line -> lines.add("  " + line));
        return lines;
    }

    static boolean visible(Class<?> type) {
        return offered(type.getModifiers())
                && (type.getEnclosingClass() == null || visible(type.getEnclosingClass()));
    }

    private static String header(Class<?> type) {
        StringBuilder line = new StringBuilder(modifiers(type.getModifiers()));
        line.append(type.isSealed() ? "sealed " : "").append(kind(type)).append(type.getName());
        line.append(typeParameters(type.getTypeParameters()));
        AnnotatedType superclass = type.getAnnotatedSuperclass();
        if (superclass != null && !isImplied(superclass.getType())) {
            line.append(" extends ").append(name(superclass));
        }
        if (type.getAnnotatedInterfaces().length > 0) {
            line.append(" implements ")
                    .append(list(type.getAnnotatedInterfaces(), ApiSurface::name));
        }
        if (type.isSealed()) {
            line.append(" permits ").append(list(type.getPermittedSubclasses(), Class::getName));
        }
        return line.toString();
    }

    private static boolean isImplied(Type superclass) {
        return superclass == Object.class
                || superclass == Record.class
                || (superclass instanceof ParameterizedType of && of.getRawType() == Enum.class);
    }

    private static String kind(Class<?> type) {
        if (type.isRecord()) {
            return "record ";
        }
        if (type.isEnum()) {
            return "enum ";
        }
        return type.isInterface() ? "interface " : "class ";
    }

    private static Stream<String> members(Class<?> type) {
        Stream<String> fields =
                Arrays.stream(type.getDeclaredFields())
                        .filter(field -> offers(field) && !field.isEnumConstant())
                        .map(ApiSurface::field);
        Stream<String> constructors =
                Arrays.stream(type.getDeclaredConstructors())
                        .filter(made -> offers(made) && !isCanonical(made))
                        .map(ApiSurface::constructor);
        Stream<String> methods =
                Arrays.stream(type.getDeclaredMethods())
                        .filter(ApiSurface::offers)
                        .map(ApiSurface::method);
        return Stream.of(fields, constructors, methods).flatMap(stream -> stream);
    }

    // Says what the components say; and JDK 17 loses its generics if a newer javac compiled it.
    private static boolean isCanonical(Constructor<?> constructor) {
        Class<?> type = constructor.getDeclaringClass();
        return type.isRecord()
                && Arrays.equals(
                        constructor.getParameterTypes(),
                        Arrays.stream(type.getRecordComponents())
                                .map(RecordComponent::getType)
                                .toArray());
    }

    private static boolean offers(Member member) {
        return offered(member.getModifiers()) && !member.isSynthetic();
    }

    private static boolean offered(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static String component(RecordComponent component) {
        return name(component.getAnnotatedType()) + " " + component.getName();
    }

    private static String field(Field field) {
        return modifiers(field.getModifiers())
                + name(field.getAnnotatedType())
                + " "
                + field.getName();
    }

    private static String constructor(Constructor<?> constructor) {
        return modifiers(constructor.getModifiers()) + "new" + parameters(constructor);
    }

    private static String method(Method method) {
        return modifiers(method.getModifiers())
                + (method.isDefault() ? "default " : "")
                + typeParameters(method.getTypeParameters())
                + (method.getTypeParameters().length == 0 ? "" : " ")
                + name(method.getAnnotatedReturnType())
                + " "
                + method.getName()
                + parameters(method);
    }

    private static String parameters(Executable executable) {
        String thrown = list(executable.getAnnotatedExceptionTypes(), ApiSurface::name);
        return "("
                + list(executable.getAnnotatedParameterTypes(), ApiSurface::name)
                + ")"
                + (executable.isVarArgs() ? " varargs" : "")
                + (thrown.isEmpty() ? "" : " throws " + thrown);
    }

    private static String typeParameters(TypeVariable<?>[] parameters) {
        return parameters.length == 0 ? "" : "<" + list(parameters, ApiSurface::bounded) + ">";
    }

    private static String bounded(TypeVariable<?> parameter) {
        return parameter.getName()
                + " extends "
                + list(parameter.getAnnotatedBounds(), ApiSurface::name);
    }

    private static String name(AnnotatedType type) {
        return nullness(type) + bareName(type);
    }

    private static String bareName(AnnotatedType type) {
        if (type instanceof AnnotatedParameterizedType generic) {
            return ((Class<?>) ((ParameterizedType) type.getType()).getRawType()).getName()
                    + "<"
                    + list(generic.getAnnotatedActualTypeArguments(), ApiSurface::name)
                    + ">";
        }
        if (type instanceof AnnotatedArrayType array) {
            return name(array.getAnnotatedGenericComponentType()) + "[]";
        }
        if (type instanceof AnnotatedWildcardType wildcard) {
            return wildcard.getAnnotatedLowerBounds().length > 0
                    ? "? super " + list(wildcard.getAnnotatedLowerBounds(), ApiSurface::name)
                    : "? extends " + list(wildcard.getAnnotatedUpperBounds(), ApiSurface::name);
        }
        return type.getType().getTypeName();
    }

    private static String nullness(AnnotatedType type) {
        return Arrays.stream(type.getAnnotations())
                .map(annotation -> "@" + annotation.annotationType().getSimpleName() + " ")
                .sorted(Comparator.naturalOrder())
                .collect(Collectors.joining());
    }

    // What the language implies (abstract in an interface, final in a record) stays: it is stable.
    private static String modifiers(int modifiers) {
        int telling =
                modifiers
                        & (Modifier.PUBLIC
                                | Modifier.PROTECTED
                                | Modifier.STATIC
                                | Modifier.FINAL
                                | Modifier.ABSTRACT);
        String text = Modifier.toString(telling);
        return text.isEmpty() ? "" : text + " ";
    }

    private static <T> String list(T[] items, Function<T, String> text) {
        return Arrays.stream(items).map(text).collect(Collectors.joining(", "));
    }
}
