// SPDX-License-Identifier: Apache-2.0
/** The plane within one process, for tests and benchmarks. Internal. */
@NullMarked
package io.kvlink.p2p.internal.plane.loopback;

import org.jspecify.annotations.NullMarked;
