// SPDX-License-Identifier: Apache-2.0
/** Expressions of the syntax tree. Each computes a value. */
@NullMarked
package io.kvlink.djl.jinja.expression;

import org.jspecify.annotations.NullMarked;
