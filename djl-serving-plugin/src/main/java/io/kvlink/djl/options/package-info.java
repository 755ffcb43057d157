// SPDX-License-Identifier: Apache-2.0
/**
 * A model's options before its worker reads them: who wrote them, and what those of DJL's large
 * model containers (LMI) mean here.
 */
@NullMarked
package io.kvlink.djl.options;

import org.jspecify.annotations.NullMarked;
