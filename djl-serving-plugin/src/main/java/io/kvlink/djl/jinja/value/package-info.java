// SPDX-License-Identifier: Apache-2.0
/** Python's values as templates see them, and the state of one rendering that counts their cost. */
@NullMarked
package io.kvlink.djl.jinja.value;

import org.jspecify.annotations.NullMarked;
