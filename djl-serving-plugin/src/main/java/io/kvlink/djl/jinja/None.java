// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** Python's {@code None}. */
enum None {
    NONE
}
