// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Answer to the question whether an optional part can be used on this machine, with the reason if
 * not. The reason is a sentence that an operator can act on. Probed once and kept.
 *
 * @param ready true if the part can be used
 * @param reason why not; empty when ready
 */
public record Availability(boolean ready, String reason) {

    private static final Availability READY = new Availability(true, "");

    public Availability {
        if (ready != reason.isEmpty()) {
            throw new IllegalArgumentException("ready=" + ready + " reason=" + reason);
        }
    }

    /** The part can be used. */
    public static Availability usable() {
        return READY;
    }

    /**
     * The part can't be used.
     *
     * @param reason why, and what would change it
     */
    public static Availability missing(String reason) {
        return new Availability(false, reason);
    }
}
