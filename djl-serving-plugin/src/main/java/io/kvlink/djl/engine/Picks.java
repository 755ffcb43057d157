// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import io.kvlink.djl.sampling.SampledToken;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tokens that one call of a {@link Decoder} picks. The decoder's thread. */
public interface Picks {

    /**
     * Waits until the call is computed. Called once.
     *
     * @return for each row or chunk, in the call's order, its token; null where it has no picker.
     *     An id below 0: no logit of the row is a finite number
     * @throws RuntimeException if the computation failed: none of the call's rows counts
     */
    List<@Nullable SampledToken> await();
}
