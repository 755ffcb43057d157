// SPDX-License-Identifier: Apache-2.0
package io.kvlink.host;

/** The host can't start. The message is for the operator. */
public final class HostException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    HostException(String message) {
        super(message);
    }

    HostException(String message, Throwable cause) {
        super(message, cause);
    }
}
