// SPDX-License-Identifier: Apache-2.0
/** Settings of a model as the files of its directory give them: shape, family, rotation, type. */
@NullMarked
package io.kvlink.djl.model.config;

import org.jspecify.annotations.NullMarked;
