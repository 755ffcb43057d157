// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.Collections;
import java.util.Enumeration;
import java.util.Properties;

/**
 * Shows DJL 0.36.0 the JNI library of DJL 0.35.1 under the version that it asks for. Only that one
 * pair, which was verified, is renamed; whatever else the class path holds is passed through, so a
 * host with natives of its own keeps them.
 */
final class JniVersionLoader extends ClassLoader {
    private static final String PROPERTIES = "jnilib/pytorch.properties";
    private static final String VERIFIED = "2.7.1-0.35.1";
    private static final String RENAMED =
            "/io/kvlink/djl/model/pytorch-jni-2.7.1-0.36.0.properties";

    JniVersionLoader(ClassLoader parent) {
        super("kvlink-jni-version", parent);
    }

    @Override
    public Enumeration<URL> getResources(String name) throws IOException {
        Enumeration<URL> found = super.getResources(name);
        if (!name.equals(PROPERTIES) || !VERIFIED.equals(jniVersion(super.getResource(name)))) {
            return found;
        }
        URL renamed = JniVersionLoader.class.getResource(RENAMED);
        return renamed == null ? found : Collections.enumeration(Collections.singleton(renamed));
    }

    private static String jniVersion(@org.jspecify.annotations.Nullable URL url)
            throws IOException {
        if (url == null) {
            return "";
        }
        Properties properties = new Properties();
        try (InputStream in = url.openStream()) {
            properties.load(in);
        }
        return properties.getProperty("jni_version", "");
    }
}
