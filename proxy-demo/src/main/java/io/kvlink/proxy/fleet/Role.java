// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import java.util.Optional;

/** Part of an instance in serving a request. */
public enum Role {
    PREFILL("P", "prefill"),
    DECODE("D", "decode");

    private final String letter;
    private final String word;

    Role(String letter, String word) {
        this.letter = letter;
        this.word = word;
    }

    /** The heartbeat's {@code type}. */
    static Optional<Role> ofLetter(String letter) {
        for (Role role : values()) {
            if (role.letter.equals(letter)) {
                return Optional.of(role);
            }
        }
        return Optional.empty();
    }

    public String letter() {
        return letter;
    }

    /** Name in messages and metric labels. */
    public String word() {
        return word;
    }
}
