// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

/**
 * The state by which one answer's tokens are picked: parameters, random numbers and what the
 * penalties look at. Made by a {@link Decoder}, and used by its thread with that decoder only.
 */
public interface TokenPicker extends AutoCloseable {

    /**
     * A token was picked elsewhere with the same parameters: goes on as if it had been picked here.
     *
     * @param token its id
     */
    void accept(int token);

    /** Gives back what the picker holds; the picks of its last row were awaited before. */
    @Override
    void close();
}
