// SPDX-License-Identifier: Apache-2.0
/** Choice of the next token from logits on the host, the same on every machine and JDK. */
@NullMarked
package io.kvlink.djl.sampling;

import org.jspecify.annotations.NullMarked;
