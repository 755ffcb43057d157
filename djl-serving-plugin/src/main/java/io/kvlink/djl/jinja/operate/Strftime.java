// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.operate;

import io.kvlink.djl.jinja.error.TemplateException;
import io.kvlink.djl.jinja.value.Rendering;
import io.kvlink.djl.jinja.value.TextBuffer;
import java.time.ZonedDateTime;
import java.time.temporal.IsoFields;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Python's {@code datetime.strftime} on Linux, in the C locale. For one format. */
public final class Strftime {

    private static final List<String> DAYS =
            List.of("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday");

    private static final List<String> MONTHS =
            List.of(
                    "January",
                    "February",
                    "March",
                    "April",
                    "May",
                    "June",
                    "July",
                    "August",
                    "September",
                    "October",
                    "November",
                    "December");

    private static final int MAX_WIDTH = 1000;
    private static final int SHORT_NAME = 3;

    private final ZonedDateTime time;
    private final String format;
    private final TextBuffer out;
    private int at;

    private Strftime(Rendering rendering, ZonedDateTime time, String format) {
        this.time = time;
        this.format = format;
        this.out = new TextBuffer(rendering);
    }

    public static String format(Rendering rendering, ZonedDateTime time, String format) {
        return new Strftime(rendering, time, format).run();
    }

    private String run() {
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c == '%' && at < format.length()) {
                directive(at - 1);
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    private void directive(int start) {
        char pad = 0;
        boolean upper = false;
        boolean swapped = false;
        for (; at < format.length() && "_-0^#".indexOf(format.charAt(at)) >= 0; at++) {
            char flag = format.charAt(at);
            upper |= flag == '^';
            swapped |= flag == '#';
            pad = flag == '^' || flag == '#' ? pad : flag;
        }
        int width = -1;
        for (; at < format.length() && Character.digit(format.charAt(at), 10) >= 0; at++) {
            width = Math.max(0, width) * 10 + Character.digit(format.charAt(at), 10);
            if (width > MAX_WIDTH) {
                throw TemplateException.limit("a width of more than " + MAX_WIDTH);
            }
        }
        if (at < format.length() && "EO".indexOf(format.charAt(at)) >= 0) {
            at++;
        }
        Field field = at < format.length() ? field(format.charAt(at++)) : null;
        if (field == null) {
            out.append(format.substring(start, at));
            return;
        }
        String text = field.text;
        if (upper || (swapped && field.upperWhenSwapped)) {
            text = text.toUpperCase(Locale.ROOT);
        } else if (swapped && field.lowerWhenSwapped) {
            text = text.toLowerCase(Locale.ROOT);
        }
        out.append(padded(text, field, pad, width));
    }

    private static String padded(String text, Field field, char pad, int width) {
        char fill = pad == '_' ? ' ' : pad == '0' ? '0' : field.fill;
        int least = pad == '-' ? 0 : width >= 0 ? Math.max(width, field.width) : field.width;
        return String.valueOf(fill).repeat(Math.max(0, least - text.length())) + text;
    }

    /** Text of a directive, and how it is padded. */
    private static final class Field {

        private final String text;
        private final int width;
        private final char fill;
        private boolean upperWhenSwapped;
        private boolean lowerWhenSwapped;

        Field(String text, int width, char fill) {
            this.text = text;
            this.width = width;
            this.fill = fill;
        }
    }

    private static Field number(long value, int width) {
        return new Field(Long.toString(value), width, '0');
    }

    private static Field spaced(long value) {
        return new Field(Long.toString(value), 2, ' ');
    }

    private static Field text(String text) {
        return new Field(text, 0, ' ');
    }

    private static Field name(String text) {
        Field field = text(text);
        field.upperWhenSwapped = true;
        return field;
    }

    private Field composed(String parts) {
        return text(new Strftime(out.rendering(), time, parts).run());
    }

    private int hour12() {
        int hour = time.getHour() % 12;
        return hour == 0 ? 12 : hour;
    }

    private int weekday() {
        return time.getDayOfWeek().getValue() % 7;
    }

    private @Nullable Field field(char directive) {
        return switch (directive) {
            case 'a' -> name(DAYS.get(weekday()).substring(0, SHORT_NAME));
            case 'A' -> name(DAYS.get(weekday()));
            case 'b', 'h' -> name(MONTHS.get(time.getMonthValue() - 1).substring(0, SHORT_NAME));
            case 'B' -> name(MONTHS.get(time.getMonthValue() - 1));
            case 'c' -> composed("%a %b %e %H:%M:%S %Y");
            case 'D', 'x' -> composed("%m/%d/%y");
            case 'F' -> composed("%Y-%m-%d");
            case 'r' -> composed("%I:%M:%S %p");
            case 'R' -> composed("%H:%M");
            case 'T', 'X' -> composed("%H:%M:%S");
            case 'n' -> text("\n");
            case 't' -> text("\t");
            case '%' -> text("%");
            case 'p' -> {
                Field field = text(time.getHour() < 12 ? "AM" : "PM");
                field.lowerWhenSwapped = true;
                yield field;
            }
            case 'P' -> text(time.getHour() < 12 ? "am" : "pm");
            // Python's time of now has no zone.
            case 'z', 'Z' -> text("");
            default -> numeric(directive);
        };
    }

    private @Nullable Field numeric(char directive) {
        int day = time.getDayOfYear();
        return switch (directive) {
            case 'C' -> number(time.getYear() / 100, 2);
            case 'd' -> number(time.getDayOfMonth(), 2);
            case 'e' -> spaced(time.getDayOfMonth());
            case 'f' -> number(time.getNano() / 1000, 6);
            case 'g' -> number(time.get(IsoFields.WEEK_BASED_YEAR) % 100, 2);
            case 'G' -> number(time.get(IsoFields.WEEK_BASED_YEAR), 1);
            case 'H' -> number(time.getHour(), 2);
            case 'I' -> number(hour12(), 2);
            case 'j' -> number(day, 3);
            case 'k' -> spaced(time.getHour());
            case 'l' -> spaced(hour12());
            case 'm' -> number(time.getMonthValue(), 2);
            case 'M' -> number(time.getMinute(), 2);
            case 's' -> number(time.toEpochSecond(), 1);
            case 'S' -> number(time.getSecond(), 2);
            case 'u' -> number(time.getDayOfWeek().getValue(), 1);
            case 'U' -> number((day - 1 + 7 - weekday()) / 7, 2);
            case 'V' -> number(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2);
            case 'w' -> number(weekday(), 1);
            case 'W' -> number((day - 1 + 7 - (weekday() + 6) % 7) / 7, 2);
            case 'y' -> number(time.getYear() % 100, 2);
            case 'Y' -> number(time.getYear(), 1);
            default -> null;
        };
    }
}
