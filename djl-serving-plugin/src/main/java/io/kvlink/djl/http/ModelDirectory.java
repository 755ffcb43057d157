// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.spi.HostPort;
import io.netty.handler.codec.http.HttpRequest;
import java.util.List;
import java.util.Optional;

/** The models that can be asked. Called from any thread; never blocks. */
@FunctionalInterface
public interface ModelDirectory {

    /**
     * A model of the same server that another engine serves.
     *
     * @param name as the server calls it
     * @param engine its engine; empty while that isn't known
     */
    record OtherModel(String name, String engine) {}

    /** All of them, one of each name, in the order of their registration. */
    List<TextGenerator> models();

    /** The model of that name, which may have further names. */
    default Optional<TextGenerator> named(String name) {
        return models().stream().filter(model -> model.modelName().equals(name)).findFirst();
    }

    /** The one whose KV travels by that address, which may be an older version of its name. */
    default Optional<TextGenerator> at(HostPort kvAddress) {
        return models().stream()
                .filter(model -> model.kvAddress().filter(kvAddress::equals).isPresent())
                .findFirst();
    }

    /** The models that a request may ask. On the request's event loop. */
    default ModelDirectory of(HttpRequest request) {
        return this;
    }

    /** The name that was asked for beside the body; empty if none. */
    default String asked() {
        return "";
    }

    /** True if a model of that name is being loaded. */
    default boolean isLoading(String name) {
        return false;
    }

    /** Models of other engines that the same address serves. */
    default List<OtherModel> others() {
        return List.of();
    }
}
