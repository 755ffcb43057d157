// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.tensor;

import com.sun.jna.Function;
import io.kvlink.spi.Availability;
import io.kvlink.spi.KvConnectorException;
import io.kvlink.spi.KvError;
import org.jspecify.annotations.Nullable;

/**
 * Functions that some builds of libtorch lack: them, or why they can't be called.
 *
 * @param functions null if they can't be called
 */
record ShimPart<T>(Availability availability, @Nullable T functions) {

    /** Finds a function by its name, or throws an {@link UnsatisfiedLinkError}. */
    interface Symbols {
        Function find(String name);
    }

    /** Looks a part's functions up, and tries them out. */
    interface Opening<T> {
        T open(Symbols symbols);
    }

    /**
     * Opens a part.
     *
     * @param want the sentence that says what can't be done without it
     */
    static <T> ShimPart<T> probe(String want, Symbols symbols, Opening<T> opening) {
        try {
            return new ShimPart<>(Availability.usable(), opening.open(symbols));
        } catch (LinkageError | KvConnectorException cause) {
            return new ShimPart<>(Availability.missing(want + ": " + cause.getMessage()), null);
        }
    }

    /** The functions. */
    T required() {
        T present = functions;
        if (present == null) {
            throw new KvConnectorException(KvError.UNAVAILABLE, availability.reason());
        }
        return present;
    }
}
