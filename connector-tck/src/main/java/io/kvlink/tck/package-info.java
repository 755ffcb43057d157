// SPDX-License-Identifier: Apache-2.0
/**
 * The conformance suite that every KV connector passes. Extend {@link
 * io.kvlink.tck.KvConnectorContract}; the rules are in {@code docs/connector-rules.md}.
 */
@NullMarked
package io.kvlink.tck;

import org.jspecify.annotations.NullMarked;
