// SPDX-License-Identifier: Apache-2.0
/**
 * Common parts of KvLink's HTTP ports: {@link io.kvlink.http.CorsSettings} for pages of other
 * origins, {@link io.kvlink.http.RequestTarget} for what a request asks for, {@link
 * io.kvlink.http.HttpFault} for what can't be a request.
 */
@NullMarked
package io.kvlink.http;

import org.jspecify.annotations.NullMarked;
