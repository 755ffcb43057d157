// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpUtil;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Watches a stream of server-sent events for whether it stands between two of them. Belongs to one
 * reply.
 */
final class EventEnd {

    // The end of what has passed: how many line ends in a row; a stream begins behind an event.
    private int lineEnds = 2;
    private boolean afterReturn;

    private EventEnd() {}

    /** A watch on the answer; none if more can't be added to it or it isn't a stream of events. */
    static @Nullable EventEnd of(HttpResponse head) {
        String type = head.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
        boolean events = type.toLowerCase(Locale.ROOT).startsWith("text/event-stream");
        boolean packed = head.headers().contains(HttpHeaderNames.CONTENT_ENCODING);
        return events && !packed && !HttpUtil.isContentLengthSet(head) ? new EventEnd() : null;
    }

    /** Only the last four bytes count, whatever the piece's length. */
    void onPiece(ByteBuf piece) {
        int from = Math.max(piece.readerIndex(), piece.writerIndex() - 4);
        if (from > piece.readerIndex()) {
            lineEnds = 0;
            afterReturn = false;
        }
        for (int i = from; i < piece.writerIndex(); i++) {
            byte b = piece.getByte(i);
            boolean secondHalf = b == '\n' && afterReturn;
            if (b != '\n' && b != '\r') {
                lineEnds = 0;
            } else if (!secondHalf) {
                lineEnds++;
            }
            afterReturn = b == '\r';
        }
    }

    boolean betweenEvents() {
        return lineEnds >= 2;
    }
}
