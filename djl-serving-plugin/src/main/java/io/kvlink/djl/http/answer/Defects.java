// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Unexpected exceptions: the log gets the whole of one, the client its place in the log. */
public final class Defects {

    private static final Logger logger = LoggerFactory.getLogger(Defects.class);

    private Defects() {}

    static void log(String requestId, Throwable defect) {
        logger.error("request={}; a defect of KvLink, please report it", requestId, defect);
    }

    /** Logs a defect, and makes the answer of the request that met it. */
    public static ApiException report(String requestId, Throwable defect) {
        log(requestId, defect);
        return ApiException.internal(
                "request=" + ClientText.id(requestId) + "; see the server's log");
    }
}
