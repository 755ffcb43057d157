// SPDX-License-Identifier: Apache-2.0
/**
 * Requests being served: each is sent to its instances, tried again where that is right, and
 * answered. An exchange lives on its client's event loop. Called by {@code front} alone.
 */
@NullMarked
package io.kvlink.proxy.exchange;

import org.jspecify.annotations.NullMarked;
