// SPDX-License-Identifier: Apache-2.0
/**
 * Common parts of KvLink's HTTP ports. {@link io.kvlink.http.CorsSettings} is for pages of other
 * origins. {@link io.kvlink.http.RequestTarget} is the target of a request. {@link
 * io.kvlink.http.HttpFault} refuses bytes that can't be a request.
 */
@NullMarked
package io.kvlink.http;

import org.jspecify.annotations.NullMarked;
