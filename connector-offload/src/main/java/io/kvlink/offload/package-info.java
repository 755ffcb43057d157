// SPDX-License-Identifier: Apache-2.0
/**
 * Connector over host memory of the tensor pool: prefix blocks of KV by their hash. A request loads
 * the longest head of its prompt that an earlier request of this instance left there.
 */
@NullMarked
package io.kvlink.offload;

import org.jspecify.annotations.NullMarked;
