// SPDX-License-Identifier: Apache-2.0
/** What happens to one prompt's KV on its way. Internal: no promise to anyone outside this jar. */
@NullMarked
package io.kvlink.p2p.internal.transfer;

import org.jspecify.annotations.NullMarked;
