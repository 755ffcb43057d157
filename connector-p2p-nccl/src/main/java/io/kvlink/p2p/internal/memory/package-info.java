// SPDX-License-Identifier: Apache-2.0
/** Memory in which received KV waits until an engine loads it. Internal: no promise to anyone. */
@NullMarked
package io.kvlink.p2p.internal.memory;

import org.jspecify.annotations.NullMarked;
