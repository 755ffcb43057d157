// SPDX-License-Identifier: Apache-2.0
/**
 * Interpreter of Jinja2's template language, for the chat templates that models bring.
 *
 * <p>{@link io.kvlink.djl.jinja.Template} is the way in: it parses once and renders concurrently.
 * Grammar, scopes, values, filters, tests and methods are those of Jinja2 3.1 in Python, set up as
 * Hugging Face's transformers sets it up: an immutable sandbox with {@code trim_blocks}, {@code
 * lstrip_blocks}, loop controls, the {@code generation} tag, {@code raise_exception}, {@code
 * strftime_now} and a {@code tojson} without HTML escapes.
 *
 * <p>Templates are strangers' files. Nothing of the JVM is reachable from one, since no value is
 * looked into by reflection; steps, text, nesting and integers have limits ({@code Limits}). There
 * is no loader: {@code include}, {@code import} and {@code extends} are refused. A value that
 * Python shows with a memory address, such as a generator, is refused when it would be shown.
 *
 * <p>A map of the package: {@code Lexer} and {@code Parser} make statements ({@code …Statement})
 * and expressions ({@code …Expression}); {@code Symbols} and {@code BindFrame} decide which
 * variable a name means; {@code Rendering} and {@code Scope} are the state of one rendering; {@code
 * Py…} are Python's values; {@code …Methods}, {@code …Filters} and {@code Tests} are tables by
 * name.
 */
@NullMarked
package io.kvlink.djl.jinja;

import org.jspecify.annotations.NullMarked;
