// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.upstream.ClientRequest;
import org.jspecify.annotations.Nullable;

/**
 * A client's request and which instances may serve it.
 *
 * @param model the model it is for, or empty: of instances that name none
 * @param forDecode what a decode instance gets
 * @param forPrefill what a prefill instance gets; {@code null} if none takes part
 */
public record ModelRequest(
        String model, ClientRequest forDecode, @Nullable ClientRequest forPrefill) {}
