// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

/** Statements of which it isn't known whether they will be reached. */
public interface Branch {

    /** Declares the variables that they use and set. */
    void declare(Symbols symbols);
}
