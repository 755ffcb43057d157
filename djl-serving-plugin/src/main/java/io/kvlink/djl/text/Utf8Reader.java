// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.text;

/**
 * Reads UTF-8 byte by byte, as Rust and Python do. The longest beginning of a character that isn't
 * continued is one U+FFFD. So is every other byte that fits nowhere.
 */
final class Utf8Reader {
    private static final char REPLACEMENT = '\uFFFD';

    // Of the unfinished character: its bytes so far, how many are missing, and its bits.
    private int pending;
    private int missing;
    private int bits;
    // What the next byte may be.
    private int least = 0x80;
    private int most = 0xbf;
    private boolean malformed;

    /** Forgets all that was read. */
    void reset() {
        malformed = false;
        forget();
    }

    /** Bytes of a character that has begun. */
    int pendingBytes() {
        return pending;
    }

    /** True if something that was read is no beginning of UTF-8. */
    boolean malformed() {
        return malformed;
    }

    /** Reads a byte, and appends what is certain now. */
    void read(byte next, StringBuilder out) {
        int value = next & 0xff;
        if (missing > 0 && value >= least && value <= most) {
            goOn(value, out);
            return;
        }
        if (missing > 0) {
            replace(out);
        }
        begin(value, out);
    }

    private void goOn(int value, StringBuilder out) {
        pending++;
        missing--;
        bits = (bits << 6) | (value & 0x3f);
        least = 0x80;
        most = 0xbf;
        if (missing == 0) {
            out.appendCodePoint(bits);
            forget();
        }
    }

    private void begin(int value, StringBuilder out) {
        if (value < 0x80) {
            out.append((char) value);
        } else if (value >= 0xc2 && value <= 0xdf) {
            expect(1, value & 0x1f, 0x80, 0xbf);
        } else if (value >= 0xe0 && value <= 0xef) {
            // Neither longer than needed nor half of a surrogate pair.
            expect(2, value & 0xf, value == 0xe0 ? 0xa0 : 0x80, value == 0xed ? 0x9f : 0xbf);
        } else if (value >= 0xf0 && value <= 0xf4) {
            expect(3, value & 7, value == 0xf0 ? 0x90 : 0x80, value == 0xf4 ? 0x8f : 0xbf);
        } else {
            replace(out);
        }
    }

    private void expect(int more, int first, int leastNext, int mostNext) {
        pending = 1;
        missing = more;
        bits = first;
        least = leastNext;
        most = mostNext;
    }

    private void replace(StringBuilder out) {
        out.append(REPLACEMENT);
        malformed = true;
        forget();
    }

    private void forget() {
        pending = 0;
        missing = 0;
    }
}
