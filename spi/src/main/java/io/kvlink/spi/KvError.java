// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

/**
 * Failures, by number. A number is for ever: it travels between instances of different versions, so
 * a code is never renumbered or reused. A number this version doesn't know decodes to {@link
 * #UNKNOWN}.
 */
public enum KvError {
    /** A code of a newer peer. */
    UNKNOWN(0, Kind.INTERNAL),

    /** A setting is missing, unknown, or out of its range. */
    BAD_CONFIG(1, Kind.USER),
    /** No provider of that name is on the class path. */
    NO_SUCH_CONNECTOR(2, Kind.USER),
    /** Two providers share a name. */
    DUPLICATE_PROVIDER(3, Kind.USER),
    /** A request id names addresses that don't parse. */
    BAD_ROUTE(4, Kind.USER),
    /** The part can't be used on this machine. */
    UNAVAILABLE(5, Kind.USER),

    /** The peer's layout, model or version differs. */
    LAYOUT_MISMATCH(100, Kind.USER),
    /** The prompt at the other side isn't the prompt here. */
    PROMPT_MISMATCH(101, Kind.USER),
    /** The peers share no data plane. */
    NO_COMMON_PLANE(102, Kind.USER),
    /** The transfer can never fit into the receiver's memory. */
    TOO_LARGE(103, Kind.RESOURCES),
    /** No room until the deadline. */
    NO_SPACE(104, Kind.RESOURCES),
    /** The transfer isn't known there: never offered, finished, or expired. */
    NO_SUCH_TRANSFER(105, Kind.EXTERNAL),
    /** The other side gave the transfer up. */
    CANCELLED(106, Kind.EXTERNAL),

    /** The deadline passed. */
    DEADLINE(200, Kind.EXTERNAL),
    /** The peer doesn't answer, or its connection broke. */
    PEER_LOST(201, Kind.EXTERNAL),
    /** The peer is another process than it was: it restarted. */
    PEER_RESTARTED(202, Kind.EXTERNAL),
    /** A frame doesn't have the shape of the protocol. */
    MALFORMED_FRAME(203, Kind.EXTERNAL),
    /** The connector is closed or closing. */
    CLOSED(204, Kind.INTERNAL),

    /** A native call returned an error. */
    NATIVE_CALL_FAILED(300, Kind.INTERNAL),
    /** A defect of this program. */
    INTERNAL(301, Kind.INTERNAL);

    /** Party that can do something about an error. */
    public enum Kind {
        /** The one who configured or called. */
        USER,
        /** More memory, or less load. */
        RESOURCES,
        /** The other side, or the network. */
        EXTERNAL,
        /** The authors. */
        INTERNAL
    }

    private final int number;
    private final Kind kind;

    KvError(int number, Kind kind) {
        this.number = number;
        this.kind = kind;
    }

    /** The code on the wire. */
    public int number() {
        return number;
    }

    /** Party that can do something about it. */
    public Kind kind() {
        return kind;
    }

    /**
     * Decodes a number from the wire.
     *
     * @param number any number
     * @return the error of that number, or {@link #UNKNOWN}
     */
    public static KvError ofNumber(int number) {
        for (KvError error : values()) {
            if (error.number == number) {
                return error;
            }
        }
        return UNKNOWN;
    }
}
