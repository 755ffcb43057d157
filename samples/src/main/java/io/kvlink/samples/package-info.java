// SPDX-License-Identifier: Apache-2.0
/** The one-command demo. */
@NullMarked
package io.kvlink.samples;

import org.jspecify.annotations.NullMarked;
