// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

/** Kinds of digits that Python tells apart and Java doesn't. */
public final class Digits {

    /** First and last of each run of digits, such as superscripts, without a decimal value. */
    private static final int[] RUNS = {
        0xb2, 0xb3, 0xb9, 0xb9, 0x1369, 0x1371, 0x19da, 0x19da, 0x2070, 0x2070, 0x2074, 0x2079,
        0x2080, 0x2089, 0x2460, 0x2468, 0x2474, 0x247c, 0x2488, 0x2490, 0x24ea, 0x24ea, 0x24f5,
        0x24fd, 0x24ff, 0x24ff, 0x2776, 0x277e, 0x2780, 0x2788, 0x278a, 0x2792, 0x10a40, 0x10a43,
        0x10e60, 0x10e68, 0x11052, 0x1105a, 0x1f100, 0x1f10a
    };

    private static final String IDEOGRAPHS =
            "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄"
                    + "四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零參拾兩零六陸"
                    + "什𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭廾";

    private Digits() {}

    public static boolean isDigit(int c) {
        if (Character.isDigit(c)) {
            return true;
        }
        for (int i = 0; i < RUNS.length; i += 2) {
            if (c >= RUNS[i] && c <= RUNS[i + 1]) {
                return true;
            }
        }
        return false;
    }

    public static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER
                || (c >= 0x3000 && IDEOGRAPHS.indexOf(c) >= 0);
    }
}
