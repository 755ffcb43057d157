// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.body;

/** Bounds of the characters in UTF-8 bytes, as RFC 3629 draws them. */
final class Utf8 {

    private Utf8() {}

    /** Index behind the character of several bytes that begins here; -1 if none does. */
    static int next(byte[] text, int at) {
        int first = text[at] & 0xff;
        int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || at + more >= text.length) {
            return -1;
        }
        int second = text[at + 1] & 0xff;
        // Longer forms of short characters, halves of surrogate pairs, beyond Unicode's end.
        int lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        int highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (second < lowest || second > highest) {
            return -1;
        }
        for (int i = at + 2; i <= at + more; i++) {
            if ((text[i] & 0xc0) != 0x80) {
                return -1;
            }
        }
        return at + more + 1;
    }
}
