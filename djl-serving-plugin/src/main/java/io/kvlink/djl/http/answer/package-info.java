// SPDX-License-Identifier: Apache-2.0
/**
 * OpenAI's JSON, made from the worker's tokens and failures: whole answers, events of a stream,
 * error objects. Nothing here knows a request's body or a channel.
 */
@NullMarked
package io.kvlink.djl.http.answer;

import org.jspecify.annotations.NullMarked;
