// SPDX-License-Identifier: Apache-2.0
package io.kvlink.http;

import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * Queue from which clients are served in turns, each in the order of its own elements. Not
 * thread-safe.
 *
 * @param <T> what waits
 */
final class ClientTurns<T> {

    // The client whose turn it is comes first; none has an empty queue.
    private final LinkedHashMap<String, Queue<T>> clients = new LinkedHashMap<>();
    private int size;

    void add(String client, T element) {
        clients.computeIfAbsent(client, any -> new ArrayDeque<>()).add(element);
        size++;
    }

    /** The first element of the client whose turn it is, who comes last then. */
    @Nullable T poll() {
        Iterator<Map.Entry<String, Queue<T>>> first = clients.entrySet().iterator();
        if (!first.hasNext()) {
            return null;
        }
        Map.Entry<String, Queue<T>> turn = first.next();
        String client = turn.getKey();
        Queue<T> queue = turn.getValue();
        first.remove();
        T element = queue.poll();
        if (!queue.isEmpty()) {
            clients.put(client, queue);
        }
        size--;
        return element;
    }

    int size() {
        return size;
    }

    void clear() {
        clients.clear();
        size = 0;
    }
}
