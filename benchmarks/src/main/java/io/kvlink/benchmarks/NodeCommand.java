// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;

/**
 * Something that the coordinator lets an engine of another process do. A record of values that Gson
 * writes and reads, which implements this interface and no other.
 *
 * @param <R> what comes back, likewise
 */
interface NodeCommand<R> {

    /** Runs the command on the engine's thread. */
    R run(NodeEngine engine) throws Exception;

    /** The type of what comes back. */
    default Type reply() {
        ParameterizedType self = (ParameterizedType) getClass().getGenericInterfaces()[0];
        return self.getActualTypeArguments()[0];
    }
}
