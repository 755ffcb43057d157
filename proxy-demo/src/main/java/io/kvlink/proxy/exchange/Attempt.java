// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.kvlink.spi.TransferId;
import io.kvlink.spi.TransferRoute;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One try at serving a request, by a prefill and a decode instance or by the latter alone. Owns the
 * try's ids and its calls as long as they are under way. A call that has ended or was cancelled is
 * forgotten at once, so that nothing is done to it twice. Belongs to its exchange's event loop.
 */
final class Attempt {

    private final String transfer;
    private final String requestId;
    private final String instances;
    private final Optional<Instance> prefillOn;
    private @Nullable UpstreamCall prefill;
    private @Nullable UpstreamCall decode;

    private Attempt(
            String transfer, String requestId, String instances, Optional<Instance> prefillOn) {
        this.transfer = transfer;
        this.requestId = requestId;
        this.instances = instances;
        this.prefillOn = prefillOn;
    }

    /** Attempt that stands for none, before the first try. */
    static Attempt none() {
        return new Attempt("", "", "prefill=none decode=none", Optional.empty());
    }

    /** Makes an attempt of a pair. */
    static Attempt by(Instance prefillOn, Instance decodeOn, TransferId id) {
        TransferRoute route =
                new TransferRoute(prefillOn.zmq().orElseThrow(), decodeOn.zmq().orElseThrow(), id);
        String instances = "prefill=%s decode=%s".formatted(prefillOn.http(), decodeOn.http());
        return new Attempt(route.id().hex(), route.requestId(), instances, Optional.of(prefillOn));
    }

    /** Makes an attempt of a decode instance alone. */
    static Attempt by(Instance decodeOn, TransferId id) {
        // No route in the request's id: the instance takes the request for one of its own.
        return new Attempt(
                id.hex(), id.hex(), "prefill=none decode=" + decodeOn.http(), Optional.empty());
    }

    /** The transfer's id, for messages; empty before the first try. */
    String transfer() {
        return transfer;
    }

    /** Request id that both instances are told. */
    String requestId() {
        return requestId;
    }

    /** Names of the instances, for messages. */
    String instances() {
        return instances;
    }

    /** The prefill instance; empty if the decode instance serves the request alone. */
    Optional<Instance> prefillOn() {
        return prefillOn;
    }

    /** Takes the calls, which are about to start. */
    void begin(@Nullable UpstreamCall onPrefill, UpstreamCall onDecode) {
        prefill = onPrefill;
        decode = onDecode;
    }

    /** The call to the prefill instance, if it is under way. */
    @Nullable UpstreamCall prefill() {
        return prefill;
    }

    /** The call to the decode instance, if it is under way or still to be started. */
    @Nullable UpstreamCall decode() {
        return decode;
    }

    void cancelPrefill() {
        if (prefill != null) {
            prefill.cancel();
            prefill = null;
        }
    }

    void cancelDecode() {
        if (decode != null) {
            decode.cancel();
            decode = null;
        }
    }

    void prefillOver() {
        prefill = null;
    }

    void decodeOver() {
        decode = null;
    }

    /** One of its calls is over. */
    void forget(UpstreamCall call) {
        if (call == prefill) {
            prefillOver();
        } else {
            decodeOver();
        }
    }
}
