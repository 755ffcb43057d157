// SPDX-License-Identifier: Apache-2.0
/**
 * Turns the messages of a chat into a model's prompt, by the Jinja template that the model's
 * authors give.
 */
@NullMarked
package io.kvlink.djl.chat;

import org.jspecify.annotations.NullMarked;
