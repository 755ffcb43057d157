// SPDX-License-Identifier: Apache-2.0
/**
 * Request bodies: how many bytes are held, and the rewriting of a prompt's body for its prefill.
 * Depends on {@code fleet} and {@code threads}.
 */
@NullMarked
package io.kvlink.proxy.body;

import org.jspecify.annotations.NullMarked;
