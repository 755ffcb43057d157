// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Call that gave no answer for the client.
 *
 * @param call which is over
 * @param kind of failure, for the metrics
 * @param detail for the log
 * @param untouched whether the request can't be the reason
 */
record FailedCall(UpstreamCall call, String kind, String detail, boolean untouched) {

    private static final Logger LOG = LoggerFactory.getLogger(FailedCall.class);

    /** A call whose status is a failure. */
    static FailedCall refused(UpstreamCall call, HttpResponseStatus status, boolean untouched) {
        return new FailedCall(call, "status", "status=" + status.code(), untouched);
    }

    Instance instance() {
        return call.instance();
    }

    /** Says who is tried instead. */
    void log(String transfer, Optional<Instance> next, String otherwise) {
        LOG.warn(
                "transfer={} {}={} failed: {}; next={}",
                transfer,
                instance().role().word(),
                instance().http(),
                detail,
                next.map(i -> i.http().toString()).orElse(otherwise));
    }
}
