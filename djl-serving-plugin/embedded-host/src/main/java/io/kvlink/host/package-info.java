// SPDX-License-Identifier: Apache-2.0
/**
 * A small HTTP server that loads DJL Serving's plugins and DJL's models the way DJL Serving does,
 * for demos, tests, and people without DJL Serving.
 */
@NullMarked
package io.kvlink.host;

import org.jspecify.annotations.NullMarked;
