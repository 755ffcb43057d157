// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

/** Model that a request asks for. */
public sealed interface AskedModel {

    /** The request names none. */
    record Absent() implements AskedModel {}

    /**
     * The request names one.
     *
     * @param name never empty
     */
    record Named(String name) implements AskedModel {}

    /** The request has something else than a text there, which every instance refuses. */
    record Malformed() implements AskedModel {}

    /** An empty name is none, as the instances see it. */
    static AskedModel of(String name) {
        return name.isEmpty() ? new Absent() : new Named(name);
    }
}
