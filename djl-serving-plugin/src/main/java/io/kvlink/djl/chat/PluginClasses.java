// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.chat;

import java.util.function.Supplier;

/**
 * Lets a library that looks for its own classes through the thread's context loader find them: DJL
 * Serving's threads have the server's loader there, which doesn't see plugins.
 */
final class PluginClasses {

    private PluginClasses() {}

    /** Calls with the plugin's loader as the thread's context loader. */
    static <T> T visibleTo(Supplier<T> call) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(PluginClasses.class.getClassLoader());
        try {
            return call.get();
        } finally {
            thread.setContextClassLoader(before);
        }
    }
}
