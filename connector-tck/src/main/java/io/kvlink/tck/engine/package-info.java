// SPDX-License-Identifier: Apache-2.0
/**
 * The conformance suite for engines: a connector that checks how it is called. Wrap a provider in
 * {@link io.kvlink.tck.engine.CheckedConnectorProvider} and run the engine's own tests.
 */
@NullMarked
package io.kvlink.tck.engine;

import org.jspecify.annotations.NullMarked;
