// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

/** A request being served, as its connection sees it. Belongs to the connection's event loop. */
public interface Serving {

    /** A request whose body is being read: nobody was called yet. */
    Serving READING_BODY =
            new Serving() {
                @Override
                public void onClientGone() {}

                @Override
                public void onWritable() {}
            };

    /** The client left: nobody needs the answer. */
    void onClientGone();

    /** The client's connection takes more, or no more. */
    void onWritable();
}
