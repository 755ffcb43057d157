// SPDX-License-Identifier: Apache-2.0
/** A process of the wire tool: engines, bare wires, and the commands that they obey. */
@NullMarked
package io.kvlink.benchmarks.wire.node;

import org.jspecify.annotations.NullMarked;
