// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.model.ModelLoadException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Without Jinjava's jar a model without a template is served, and one with a template says why not.
 */
class MissingJinjavaTest {

    /** This package's classes again, where Jinjava's can't be seen. */
    private static final class WithoutJinjava extends ClassLoader {

        WithoutJinjava() {
            super(MissingJinjavaTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("com.hubspot.") || name.startsWith("jinjava.")) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("io.kvlink.djl.chat.")) {
                return super.loadClass(name, resolve);
            }
            Class<?> known = findLoadedClass(name);
            return known == null ? define(name) : known;
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            } catch (IOException cause) {
                throw new ClassNotFoundException(name, cause);
            }
        }
    }

    @Test
    void shouldNameTheJarIfATemplateNeedsIt(@TempDir Path dir) throws Exception {
        Method load =
                new WithoutJinjava()
                        .loadClass(ChatTemplates.class.getName())
                        .getMethod("load", Path.class, Optional.class);
        assertThat(load.invoke(null, dir, Optional.empty())).isEqualTo(Optional.empty());

        Files.writeString(dir.resolve("chat_template.jinja"), "{{ messages }}");
        Throwable thrown = null;
        try {
            load.invoke(null, dir, Optional.empty());
        } catch (InvocationTargetException cause) {
            thrown = cause.getCause();
        }
        assertThat(thrown)
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("put the jar jinjava");
    }
}
