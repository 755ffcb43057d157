// SPDX-License-Identifier: Apache-2.0
/** Operators, methods and formats of Python's values. */
@NullMarked
package io.kvlink.djl.jinja.operate;

import org.jspecify.annotations.NullMarked;
