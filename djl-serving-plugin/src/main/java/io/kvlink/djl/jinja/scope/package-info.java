// SPDX-License-Identifier: Apache-2.0
/** Variables: which one a name means, and where its value lies in a rendering. */
@NullMarked
package io.kvlink.djl.jinja.scope;

import org.jspecify.annotations.NullMarked;
