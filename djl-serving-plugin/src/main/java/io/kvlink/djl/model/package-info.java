// SPDX-License-Identifier: Apache-2.0
/** Choice of the decoder that serves a model. */
@NullMarked
package io.kvlink.djl.model;

import org.jspecify.annotations.NullMarked;
