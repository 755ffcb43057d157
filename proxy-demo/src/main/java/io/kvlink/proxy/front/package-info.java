// SPDX-License-Identifier: Apache-2.0
/**
 * Front door of the proxy: routes of its HTTP port, the list of models, health and status pages.
 * Called by the server alone; depends on all other rooms.
 */
@NullMarked
package io.kvlink.proxy.front;

import org.jspecify.annotations.NullMarked;
