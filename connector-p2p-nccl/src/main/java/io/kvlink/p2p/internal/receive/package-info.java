// SPDX-License-Identifier: Apache-2.0
/** One prompt's KV on its way in. Internal: no promise to anyone. */
@NullMarked
package io.kvlink.p2p.internal.receive;

import org.jspecify.annotations.NullMarked;
