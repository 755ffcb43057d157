// SPDX-License-Identifier: Apache-2.0
/** Filters, tests and globals that templates find by name. */
@NullMarked
package io.kvlink.djl.jinja.builtin;

import org.jspecify.annotations.NullMarked;
