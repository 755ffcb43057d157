// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import java.util.Optional;

/** Part of an instance in serving a request. */
enum Role {
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

    String letter() {
        return letter;
    }

    /** Name in messages and metric labels. */
    String word() {
        return word;
    }
}
