// SPDX-License-Identifier: Apache-2.0
package io.kvlink.store;

import java.io.IOException;

/** A file was found that isn't the block that its name says. It is gone. */
final class BrokenBlockException extends IOException {

    private static final long serialVersionUID = 1;

    BrokenBlockException(String message) {
        super(message);
    }
}
