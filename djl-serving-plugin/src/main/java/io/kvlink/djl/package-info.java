// SPDX-License-Identifier: Apache-2.0
/** What DJL and DJL Serving see: a plugin that answers HTTP requests, and an engine. */
@NullMarked
package io.kvlink.djl;

import org.jspecify.annotations.NullMarked;
