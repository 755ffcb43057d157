// SPDX-License-Identifier: Apache-2.0
/** Statements of the syntax tree, and the values that they define: macros, blocks, loops. */
@NullMarked
package io.kvlink.djl.jinja.statement;

import org.jspecify.annotations.NullMarked;
