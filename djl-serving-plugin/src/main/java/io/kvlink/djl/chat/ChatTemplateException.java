// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

/** Messages that a template refuses, or can't render. The message is for the client. */
public final class ChatTemplateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ChatTemplateException(String message) {
        super(message);
    }
}
