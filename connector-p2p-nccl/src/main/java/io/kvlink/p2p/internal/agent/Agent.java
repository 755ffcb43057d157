// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.agent;

/** Work done in bounded portions by one thread: an {@link AgentThread}, or a test that steps it. */
public interface Agent {

    /**
     * Does a bounded portion of work. Never waits.
     *
     * @param nowNs the time
     * @return how much was done; 0 if there was nothing to do
     */
    int doWork(long nowNs);

    /**
     * Waits for work, for {@link #wakeup}, or for time to pass.
     *
     * @param maxNs how long at most
     */
    void idle(long maxNs);

    /** Ends {@link #idle}, now or the next time. From any thread. */
    void wakeup();

    /** Closes what the agent owns. On the agent's thread, last. */
    void onClose();
}
