// SPDX-License-Identifier: Apache-2.0
/**
 * Connector over a directory: prefix blocks of KV by their hash, one file a block. Any number of
 * instances share it. A request loads the longest head of its prompt that the directory has.
 */
@NullMarked
package io.kvlink.store;

import org.jspecify.annotations.NullMarked;
