// SPDX-License-Identifier: Apache-2.0
/**
 * Settings of the proxy and the file that holds them. Read once at the start; depends on no other
 * room.
 */
@NullMarked
package io.kvlink.proxy.config;

import org.jspecify.annotations.NullMarked;
