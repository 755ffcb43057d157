// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import io.kvlink.djl.generation.TextGenerator;
import io.kvlink.djl.http.ModelDirectory;
import java.util.List;
import java.util.Optional;

/**
 * The model of a predictor, by both of its names.
 *
 * @param model borrowed
 * @param djlName as DJL calls it
 */
record OneModel(TextGenerator model, String djlName) implements ModelDirectory {

    @Override
    public List<TextGenerator> models() {
        return List.of(model);
    }

    @Override
    public Optional<TextGenerator> named(String name) {
        return name.equals(model.modelName()) || name.equals(djlName)
                ? Optional.of(model)
                : Optional.empty();
    }
}
