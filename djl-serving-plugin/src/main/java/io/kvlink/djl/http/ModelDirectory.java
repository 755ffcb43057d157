// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.worker.TextGenerator;
import io.kvlink.spi.HostPort;
import java.util.List;
import java.util.Optional;

/** The models that can be asked. Called from any thread; never blocks. */
@FunctionalInterface
public interface ModelDirectory {

    /** All of them, one of each name, in the order of their registration. */
    List<TextGenerator> models();

    /** The one whose KV travels by that address, which may be an older version of its name. */
    default Optional<TextGenerator> at(HostPort kvAddress) {
        return models().stream()
                .filter(model -> model.kvAddress().filter(kvAddress::equals).isPresent())
                .findFirst();
    }
}
