// SPDX-License-Identifier: Apache-2.0
/**
 * Calls to instances: one connection each, on its client's event loop, and the table of those that
 * run. Depends on {@code fleet} and {@code threads}; called by {@code discovery}, {@code exchange}
 * and {@code front}.
 */
@NullMarked
package io.kvlink.proxy.upstream;

import org.jspecify.annotations.NullMarked;
