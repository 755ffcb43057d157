// SPDX-License-Identifier: Apache-2.0
/**
 * Requests to the worker, made from a body's JSON. {@link io.kvlink.djl.http.parse.Endpoint#parse}
 * reads a body as it passes and checks all that needs no model; {@link
 * io.kvlink.djl.http.parse.RequestBuilder} checks the rest. Every refusal names the field, its
 * value and what is allowed.
 */
@NullMarked
package io.kvlink.djl.http.parse;

import org.jspecify.annotations.NullMarked;
