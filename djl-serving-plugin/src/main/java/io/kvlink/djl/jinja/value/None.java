// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

/** Python's {@code None}. */
public enum None {
    NONE
}
