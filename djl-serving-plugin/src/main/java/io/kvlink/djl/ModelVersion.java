// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import java.util.Optional;

/**
 * A version of a model as DJL Serving registers it.
 *
 * @param model its name there
 * @param version its version there; empty if it has none
 */
record ModelVersion(String model, String version) {

    /**
     * True if the two are different versions of one model, so that the later follows the former.
     */
    static boolean follow(Optional<ModelVersion> former, Optional<ModelVersion> later) {
        return former.isPresent()
                && later.isPresent()
                && former.get().model.equals(later.get().model)
                && !former.get().version.equals(later.get().version);
    }
}
