// SPDX-License-Identifier: Apache-2.0
package io.kvlink.samples;

/** The demo can't go on; the message says why and what to do. */
final class DemoException extends RuntimeException {

    DemoException(String message) {
        super(message);
    }
}
