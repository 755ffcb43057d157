// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * One thread for the events of all streams that DJL passes on. It ends when there is nothing to do,
 * as nobody tells when the last model is gone.
 */
final class StreamThread {

    static final Executor INSTANCE = create();

    private StreamThread() {}

    private static Executor create() {
        ThreadPoolExecutor executor =
                new ThreadPoolExecutor(
                        1,
                        1,
                        5,
                        TimeUnit.SECONDS,
                        new LinkedBlockingQueue<>(),
                        StreamThread::thread);
        executor.allowCoreThreadTimeOut(true);
        return executor;
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "kv-stream-0");
        thread.setDaemon(true);
        return thread;
    }
}
