// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja;

/** Statements of which it isn't known whether they will be reached. */
interface Branch {

    /** Declares the variables that they use and set. */
    void declare(Symbols symbols);
}
