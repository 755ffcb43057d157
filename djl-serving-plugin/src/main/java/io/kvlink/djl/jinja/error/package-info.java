// SPDX-License-Identifier: Apache-2.0
/** Faults of templates and their renderings, and the limits whose excess is one. */
@NullMarked
package io.kvlink.djl.jinja.error;

import org.jspecify.annotations.NullMarked;
