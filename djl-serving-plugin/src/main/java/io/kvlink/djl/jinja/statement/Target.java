// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.statement;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.expression.NameExpression;
import io.kvlink.djl.jinja.expression.NamespaceReference;
import io.kvlink.djl.jinja.expression.SequenceExpression;
import io.kvlink.djl.jinja.scope.BindFrame;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.scope.Place;
import io.kvlink.djl.jinja.scope.Scope;
import io.kvlink.djl.jinja.value.Iteration;
import io.kvlink.djl.jinja.value.Namespace;
import io.kvlink.djl.jinja.value.Types;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/** Left side of an assignment, or what a loop gives its elements to. */
public sealed interface Target {

    /** Tells the names that are set, as parameters if {@code parameter}. */
    void names(Names names, boolean parameter);

    /** Tells the namespaces whose attributes are set. */
    void namespaces(Names names);

    void bind(BindFrame frame);

    void assign(Scope scope, Object value);

    /** Refuses to go on if an attribute would be set of what is no namespace. */
    void requireNamespaces(Scope scope);

    /** Calls with each name and its place. */
    void each(BiConsumer<String, Place> action);

    /** The target that an expression stands for. */
    static Target of(Expression expression) {
        if (expression instanceof NameExpression name) {
            return new Name(name.name(), name.line());
        }
        if (expression instanceof NamespaceReference reference) {
            return new Attribute(reference.name(), reference.attribute(), reference.line());
        }
        if (expression instanceof SequenceExpression sequence && sequence.isTuple()) {
            return new Tuple(sequence.items().stream().map(Target::of).toList());
        }
        String kind = expression.getClass().getSimpleName().replace("Expression", "");
        throw new TemplateSyntaxException(
                "can't assign to '%s'".formatted(kind.toLowerCase(Locale.ROOT)), expression.line());
    }

    /** One variable. */
    final class Name implements Target {

        private final String name;
        private final int line;
        private Place place = new Place(0, 0);

        Name(String name, int line) {
            this.name = name;
            this.line = line;
        }

        /** Copy of the name, to be bound to another variable. */
        public Name copy() {
            return new Name(name, line);
        }

        @Override
        public void names(Names names, boolean parameter) {
            if (parameter) {
                names.parameter(name);
            } else {
                names.store(name);
            }
        }

        @Override
        public void namespaces(Names names) {
            // A variable is no attribute.
        }

        @Override
        public void bind(BindFrame frame) {
            place = frame.place(name, line);
        }

        @Override
        public void assign(Scope scope, Object value) {
            place.set(scope, value);
        }

        @Override
        public void requireNamespaces(Scope scope) {
            // A variable is no attribute.
        }

        @Override
        public void each(BiConsumer<String, Place> action) {
            action.accept(name, place);
        }
    }

    /** One attribute of a namespace. */
    final class Attribute implements Target {

        private final String name;
        private final String attribute;
        private final int line;
        private Place place = new Place(0, 0);

        Attribute(String name, String attribute, int line) {
            this.name = name;
            this.attribute = attribute;
            this.line = line;
        }

        @Override
        public void names(Names names, boolean parameter) {
            // The namespace is read, not set.
        }

        @Override
        public void namespaces(Names names) {
            names.load(name);
        }

        @Override
        public void bind(BindFrame frame) {
            place = frame.place(name, line);
        }

        @Override
        public void assign(Scope scope, Object value) {
            if (place.get(scope) instanceof Namespace namespace) {
                namespace.set(attribute, value);
            }
        }

        @Override
        public void requireNamespaces(Scope scope) {
            if (!(place.get(scope) instanceof Namespace)) {
                throw TemplateException.runtime("cannot assign attribute on non-namespace object");
            }
        }

        @Override
        public void each(BiConsumer<String, Place> action) {
            // No variable is set.
        }
    }

    /** Tuple of as many targets as a value has elements. */
    record Tuple(List<Target> parts) implements Target {

        @Override
        public void names(Names names, boolean parameter) {
            parts.forEach(part -> part.names(names, parameter));
        }

        @Override
        public void namespaces(Names names) {
            parts.forEach(part -> part.namespaces(names));
        }

        @Override
        public void bind(BindFrame frame) {
            parts.forEach(part -> part.bind(frame));
        }

        @Override
        public void assign(Scope scope, Object value) {
            List<Object> values = new ArrayList<>(parts.size());
            Iterator<Object> all;
            try {
                all = Iteration.of(value);
            } catch (TemplateException cause) {
                throw TemplateException.type(
                        "cannot unpack non-iterable %s object".formatted(Types.name(value)));
            }
            while (all.hasNext()) {
                if (values.size() == parts.size()) {
                    throw TemplateException.value(
                            "too many values to unpack (expected %d)".formatted(parts.size()));
                }
                values.add(all.next());
            }
            if (values.size() < parts.size()) {
                throw TemplateException.value(
                        "not enough values to unpack (expected %d, got %d)"
                                .formatted(parts.size(), values.size()));
            }
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).assign(scope, values.get(i));
            }
        }

        @Override
        public void requireNamespaces(Scope scope) {
            parts.forEach(part -> part.requireNamespaces(scope));
        }

        @Override
        public void each(BiConsumer<String, Place> action) {
            parts.forEach(part -> part.each(action));
        }
    }
}
