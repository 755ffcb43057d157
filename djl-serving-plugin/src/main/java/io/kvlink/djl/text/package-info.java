// SPDX-License-Identifier: Apache-2.0
/** Text to tokens and back: the tokenizer, answers that grow, bounds of lengths. */
@NullMarked
package io.kvlink.djl.text;

import org.jspecify.annotations.NullMarked;
