// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

/** A value whose type belongs to one of Jinja2's modules. */
public interface OfModule {

    /** Module of the functions and classes that templates are given. */
    String UTILS = "jinja2.utils";

    /** Module of the values that a rendering makes. */
    String RUNTIME = "jinja2.runtime";

    /** Name of the module, as Python shows it before the type's own. */
    String module();
}
