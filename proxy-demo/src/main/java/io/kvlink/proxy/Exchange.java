// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.util.concurrent.Future;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves one client request with a prefill and a decode instance. Belongs to the event loop of the
 * client's connection, on which all its upstream calls run too.
 *
 * <p>Until an answer has begun, a failed prefill is tried once more elsewhere and then left to the
 * decode instance alone, and a decode instance without an answer is replaced once. Each try has a
 * transfer id of its own, so that a late instance can't disturb its successor.
 */
final class Exchange implements UpstreamCall.Listener, Serving {

    private static final Logger LOG = LoggerFactory.getLogger(Exchange.class);

    /** How long a prefill instance may take to end its call after the answer is complete. */
    private static final long DRAIN_SECONDS = 30;

    private static final Set<HttpResponseStatus> WORTH_ANOTHER_PREFILL =
            Set.of(
                    HttpResponseStatus.REQUEST_TIMEOUT,
                    HttpResponseStatus.valueOf(425),
                    HttpResponseStatus.TOO_MANY_REQUESTS);

    private final ProxyParts parts;
    private final EventLoop loop;
    private final ClientRequest request;
    private final byte @Nullable [] prefillBody;
    private final ClientReply reply;
    private final Runnable onDone;

    private ExchangeState state = ExchangeState.WAITING;
    private Attempt attempt = Attempt.none();
    private int status;
    private long startNs;
    private int prefillTries;
    private int decodeTries;
    private @Nullable Future<?> deadline;
    // The call whose answer the client gets.
    private @Nullable UpstreamCall source;

    /**
     * Prepares an exchange.
     *
     * @param prefillBody what the prefill instance gets; {@code null} if the request is for a
     *     decode instance only
     * @param onDone called once, when the client has all it will get
     */
    Exchange(
            ProxyParts parts,
            EventLoop loop,
            ClientRequest request,
            byte @Nullable [] prefillBody,
            ClientReply reply,
            Runnable onDone) {
        this.parts = parts;
        this.loop = loop;
        this.request = request;
        this.prefillBody = prefillBody;
        this.reply = reply;
        this.onDone = onDone;
    }

    void start() {
        startNs = parts.clock().getAsLong();
        long limit = parts.config().upstreamTimeoutMs();
        deadline = loop.schedule(this::onDeadline, limit, TimeUnit.MILLISECONDS);
        Optional<Fleet.Pair> pair = parts.fleet().pair();
        if (prefillBody != null && pair.isPresent()) {
            dispatch(pair.get().prefill(), pair.get().decode());
            return;
        }
        boolean alone = prefillBody == null || parts.config().decodeAlone();
        Optional<Instance> one = parts.fleet().one(Role.DECODE);
        if (alone && one.isPresent()) {
            if (prefillBody != null) {
                parts.metrics().decodeAlone.labelValues("no_prefill").inc();
            }
            decodeAlone(one.get());
            return;
        }
        finishWith(Replies.noInstance(parts.fleet(), alone));
    }

    // ---- sending ----

    private void dispatch(Instance prefillOn, Instance decodeOn) {
        attempt = Attempt.by(prefillOn, decodeOn, parts.ids().next());
        LOG.debug("transfer={} {} dispatched", attempt.transfer(), attempt.instances());
        byte[] body = prefillBody == null ? new byte[0] : prefillBody;
        UpstreamCall first = call(prefillOn, request.withBody(body));
        UpstreamCall second = call(decodeOn, request);
        attempt.begin(first, second);
        start(first);
        if (parts.config().dispatch() == ProxyConfig.Dispatch.CONCURRENT) {
            start(second);
        }
    }

    private void decodeAlone(Instance decodeOn) {
        attempt = Attempt.by(decodeOn, parts.ids().next());
        UpstreamCall only = call(decodeOn, request);
        attempt.begin(null, only);
        start(only);
    }

    private UpstreamCall call(Instance instance, ClientRequest what) {
        return new UpstreamCall(instance, what, attempt.requestId(), loop, this);
    }

    private void start(UpstreamCall call) {
        call.start(parts.names(), parts.calls(), parts.config().connectTimeoutMs());
    }

    // ---- hearing ----

    @Override
    public void onHead(UpstreamCall call, HttpResponse head) {
        HttpResponseStatus status = head.status();
        if (call == attempt.decode()) {
            if (!status.equals(HttpResponseStatus.OK)) {
                onDecodeStatus(call, status);
            }
            answerFrom(call, head);
        } else if (!status.equals(HttpResponseStatus.OK)) {
            onPrefillStatus(call, head);
        }
    }

    private void onDecodeStatus(UpstreamCall call, HttpResponseStatus status) {
        attempt.cancelPrefill();
        if (status.codeClass() == HttpStatusClass.SERVER_ERROR) {
            countFailure(call, "status");
            LOG.warn(
                    "transfer={} decode={} status={} passed on",
                    attempt.transfer(),
                    call.instance().http(),
                    status.code());
        }
    }

    private void onPrefillStatus(UpstreamCall call, HttpResponse head) {
        HttpResponseStatus status = head.status();
        boolean clients =
                status.codeClass() == HttpStatusClass.CLIENT_ERROR
                        && !WORTH_ANOTHER_PREFILL.contains(status);
        if (clients && state == ExchangeState.WAITING) {
            call.cancel();
            onPrefillRefused(call, status);
            return;
        }
        call.cancel();
        onPrefillFailed(call, "status", "status=" + status.code());
    }

    private void answerFrom(UpstreamCall call, HttpResponse head) {
        source = call;
        status = head.status().code();
        moveTo(ExchangeState.ANSWERING);
        reply.head(head, attempt.transfer(), parts.clock().getAsLong());
    }

    @Override
    public void onBody(UpstreamCall call, ByteBuf piece) {
        if (call == source) {
            reply.body(piece);
            call.pause(!reply.writable());
        }
    }

    @Override
    public void onWritable() {
        if (source != null) {
            source.pause(!reply.writable());
        }
    }

    @Override
    public void onEnd(UpstreamCall call) {
        if (call == source) {
            attempt.forget(call);
            reply.end();
            done();
        } else {
            attempt.prefillOver();
            UpstreamCall waiting = attempt.decode();
            if (state == ExchangeState.DONE) {
                stopDeadline();
            } else if (waiting != null
                    && parts.config().dispatch() == ProxyConfig.Dispatch.SERIAL) {
                start(waiting);
            }
        }
    }

    @Override
    public void onFailure(UpstreamCall call, UpstreamCall.Failure failure, String detail) {
        if (failure == UpstreamCall.Failure.CONNECT) {
            parts.fleet().onRefused(call.instance());
        }
        if (call == source) {
            countFailure(call, failure.word());
            LOG.warn(
                    "transfer={} instance={} broke off its answer: {}",
                    attempt.transfer(),
                    call.instance().http(),
                    detail);
            attempt.forget(call);
            attempt.cancelPrefill();
            breakOff(HttpResponseStatus.BAD_GATEWAY, "instance_lost", "The instance is lost");
        } else if (call == attempt.prefill()) {
            onPrefillFailed(call, failure.word(), detail);
        } else {
            onDecodeFailed(call, failure, detail);
        }
    }

    // ---- trying again ----

    /** The prefill instance speaks of a body that the proxy wrote; a decode one of the client's. */
    private void onPrefillRefused(UpstreamCall call, HttpResponseStatus status) {
        LOG.debug(
                "transfer={} prefill={} status={}; next=decode alone",
                attempt.transfer(),
                call.instance().http(),
                status.code());
        attempt.prefillOver();
        UpstreamCall waiting = attempt.decode();
        if (waiting != null) {
            attempt.cancelDecode();
            parts.metrics().decodeAlone.labelValues("prefill_refused").inc();
            decodeAlone(waiting.instance());
        }
    }

    private void onPrefillFailed(UpstreamCall call, String kind, String detail) {
        Instance failed = call.instance();
        attempt.prefillOver();
        countFailure(call, kind);
        UpstreamCall waiting = attempt.decode();
        if (state != ExchangeState.WAITING || waiting == null) {
            LOG.warn(
                    "transfer={} prefill={} failed after the answer began: {}",
                    attempt.transfer(),
                    failed.http(),
                    detail);
            if (state == ExchangeState.DONE) {
                stopDeadline();
            }
            return;
        }
        Instance decodeOn = waiting.instance();
        attempt.cancelDecode();
        Optional<Instance> other =
                prefillTries++ == 0 ? parts.fleet().insteadOf(failed) : Optional.empty();
        LOG.warn(
                "transfer={} prefill={} failed: {}; next={}",
                attempt.transfer(),
                failed.http(),
                detail,
                other.map(i -> i.http().toString()).orElse("decode alone"));
        if (other.isPresent()) {
            parts.metrics().prefillRetries.inc();
            dispatch(other.get(), decodeOn);
        } else {
            parts.metrics().decodeAlone.labelValues("prefill_failed").inc();
            decodeAlone(decodeOn);
        }
    }

    private void onDecodeFailed(UpstreamCall call, UpstreamCall.Failure failure, String detail) {
        Instance failed = call.instance();
        UpstreamCall partner = attempt.prefill();
        boolean alone = attempt.alone();
        countFailure(call, failure.word());
        attempt.decodeOver();
        attempt.cancelPrefill();
        Optional<Instance> other =
                decodeTries++ == 0 ? parts.fleet().insteadOf(failed) : Optional.empty();
        LOG.warn(
                "transfer={} decode={} failed: {}; next={}",
                attempt.transfer(),
                failed.http(),
                detail,
                other.map(i -> i.http().toString()).orElse("none"));
        if (other.isEmpty()) {
            finishWith(Replies.decodeFailed(attempt.transfer()));
            return;
        }
        parts.metrics().decodeRetries.inc();
        Optional<Instance> prefillOn =
                alone
                        ? Optional.empty()
                        : partner != null
                                ? Optional.of(partner.instance())
                                : parts.fleet().one(Role.PREFILL);
        if (prefillOn.isPresent()) {
            dispatch(prefillOn.get(), other.get());
        } else {
            decodeAlone(other.get());
        }
    }

    // ---- ending ----

    @Override
    public void onClientGone() {
        if (state != ExchangeState.DONE) {
            LOG.debug("transfer={} the client left", attempt.transfer());
            parts.metrics().clientsGone.inc();
            attempt.cancelPrefill();
            attempt.cancelDecode();
            done();
        }
    }

    private void onDeadline() {
        boolean answering = state == ExchangeState.ANSWERING;
        if (state != ExchangeState.DONE) {
            LOG.warn(
                    "transfer={} upstream_timeout_ms passed in state={}",
                    attempt.transfer(),
                    state);
        }
        attempt.cancelPrefill();
        attempt.cancelDecode();
        if (answering) {
            breakOff(HttpResponseStatus.GATEWAY_TIMEOUT, "deadline", "The answer took too long");
        } else if (state == ExchangeState.WAITING) {
            finishWith(Replies.deadline(attempt.transfer()));
        }
    }

    private void breakOff(HttpResponseStatus why, String code, String message) {
        reply.breakOff(why, code, message + "; transfer=" + attempt.transfer());
        done();
    }

    private void finishWith(FullHttpResponse response) {
        status = response.status().code();
        reply.whole(response, parts.clock().getAsLong());
        done();
    }

    private void done() {
        moveTo(ExchangeState.DONE);
        stopDeadline();
        logEnd();
        if (attempt.prefill() != null) {
            // It has done its work; cutting its last bytes off would look like an abort there.
            deadline = loop.schedule(this::onDeadline, DRAIN_SECONDS, TimeUnit.SECONDS);
        }
        onDone.run();
    }

    /** One line a completion; status 0 if the client left before there was one. */
    private void logEnd() {
        if (prefillBody != null) {
            LOG.info(
                    "transfer={} {} status={} failures={} ms={}",
                    attempt.transfer().isEmpty() ? "none" : attempt.transfer(),
                    attempt.instances(),
                    status,
                    prefillTries + decodeTries,
                    TimeUnit.NANOSECONDS.toMillis(parts.clock().getAsLong() - startNs));
        }
    }

    private void stopDeadline() {
        if (deadline != null) {
            deadline.cancel(false);
        }
    }

    private void countFailure(UpstreamCall call, String kind) {
        parts.metrics().upstreamFailures.labelValues(call.instance().role().word(), kind).inc();
    }

    private void moveTo(ExchangeState next) {
        if (!state.next().contains(next)) {
            throw new IllegalStateException(
                    "transfer=%s %s -> %s".formatted(attempt.transfer(), state, next));
        }
        state = next;
    }
}
