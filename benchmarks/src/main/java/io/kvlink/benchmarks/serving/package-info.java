// SPDX-License-Identifier: Apache-2.0
/** Workers as their clients see them, in process and over HTTP. */
@NullMarked
package io.kvlink.benchmarks.serving;

import org.jspecify.annotations.NullMarked;
