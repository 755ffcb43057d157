// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

/**
 * A model directory that cannot be served as it is. The message names the file, what was found in
 * it and what was expected.
 */
public final class ModelLoadException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** {@code key=value} facts, then what is expected. */
    public ModelLoadException(String message) {
        super(message);
    }

    /** Makes the exception with its cause. */
    public ModelLoadException(String message, Throwable cause) {
        super(message, cause);
    }
}
