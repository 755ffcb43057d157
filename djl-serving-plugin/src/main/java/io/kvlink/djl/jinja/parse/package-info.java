// SPDX-License-Identifier: Apache-2.0
/** Lexer and parser: from text to the syntax tree. */
@NullMarked
package io.kvlink.djl.jinja.parse;

import org.jspecify.annotations.NullMarked;
