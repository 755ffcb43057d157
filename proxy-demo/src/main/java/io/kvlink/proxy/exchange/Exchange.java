// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.exchange;

import io.kvlink.proxy.config.ProxyConfig;
import io.kvlink.proxy.fleet.FailedInstances;
import io.kvlink.proxy.fleet.Fleet;
import io.kvlink.proxy.fleet.Instance;
import io.kvlink.proxy.fleet.Role;
import io.kvlink.proxy.upstream.UpstreamCall;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.util.concurrent.Future;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves one client request with a prefill and a decode instance. Belongs to the event loop of the
 * client's connection, on which all its upstream calls run too.
 *
 * <p>Until an answer has begun, another instance takes the place of one that failed, as {@link
 * FailedInstances} allows. A prefill without another instance is left to the decode instance alone.
 * Each try has a transfer id of its own, so that a late instance can't disturb its successor.
 */
public final class Exchange implements UpstreamCall.Listener, Serving {

    private static final Logger LOG = LoggerFactory.getLogger(Exchange.class);

    /** Time that a prefill instance has to end its call after the answer is complete. */
    private static final long DRAIN_SECONDS = 30;

    /** Pause between two looks for an instance that may just be coming. */
    private static final long RETURN_MS = 50;

    private final ProxyParts parts;
    private final EventLoop loop;
    private final ModelRequest request;
    private final ClientReply reply;
    private final Runnable onDone;
    private final FailedInstances failures;
    private final Sender sender;

    private ExchangeState state = ExchangeState.WAITING;
    private Attempt attempt = Attempt.none();
    private int status;
    private long startNs;
    private @Nullable Future<?> deadline;
    // The call whose answer the client gets.
    private @Nullable UpstreamCall source;

    /**
     * Prepares an exchange.
     *
     * @param onDone called once, when the client has all it will get
     */
    public Exchange(
            ProxyParts parts,
            EventLoop loop,
            ModelRequest request,
            ClientReply reply,
            Runnable onDone) {
        this.parts = parts;
        this.loop = loop;
        this.request = request;
        this.reply = reply;
        this.onDone = onDone;
        this.failures = new FailedInstances(parts.fleet(), request.model());
        this.sender = new Sender(parts, loop, request, this);
    }

    public void start() {
        startNs = parts.clock().getAsLong();
        long limit = parts.config().upstreamTimeoutMs();
        deadline = loop.schedule(this::onDeadline, limit, TimeUnit.MILLISECONDS);
        begin();
    }

    private void begin() {
        if (state != ExchangeState.WAITING) {
            return;
        }
        Optional<Fleet.Pair> pair =
                request.forPrefill() == null
                        ? Optional.empty()
                        : parts.fleet().pair(request.model());
        if (pair.isPresent()) {
            attempt = sender.toPair(pair.get().prefill(), pair.get().decode());
            return;
        }
        Optional<Instance> one = parts.fleet().alone(request.model(), mayDecodeAlone());
        if (one.isPresent()) {
            if (request.forPrefill() != null && one.get().zmq().isPresent()) {
                parts.metrics().decodeAlone.labelValues("no_prefill").inc();
            }
            attempt = sender.toOne(one.get());
        } else if (parts.models().mayReturn(request.model())
                || parts.fleet().serves(request.model(), mayDecodeAlone())) {
            // Somebody may come, or has come meanwhile.
            Future<?> unused = loop.schedule(this::begin, RETURN_MS, TimeUnit.MILLISECONDS);
        } else {
            finishWith(Replies.noInstance(parts.fleet(), request.model(), mayDecodeAlone()));
        }
    }

    private boolean mayDecodeAlone() {
        return request.forPrefill() == null || parts.config().decodeAlone();
    }

    // ---- hearing ----

    @Override
    public void onHead(UpstreamCall call, HttpResponse head) {
        if (call == attempt.decode()) {
            onDecodeHead(call, head);
        } else if (!head.status().equals(HttpResponseStatus.OK)) {
            onPrefillStatus(call, head);
        }
    }

    private void onDecodeHead(UpstreamCall call, HttpResponse head) {
        HttpResponseStatus status = head.status();
        if (FailedInstances.isUndone(Role.DECODE, status)) {
            failures.onUndone(call.instance(), head);
            Optional<Instance> other = decodeInsteadOf(call, true);
            if (other.isPresent() || !failures.isForClient(call.instance(), status)) {
                call.cancel();
                onDecodeFailed(FailedCall.refused(call, status, true), other);
                return;
            }
        }
        if (!status.equals(HttpResponseStatus.OK)) {
            onDecodeStatus(call, status);
        }
        answerFrom(call, head);
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
        boolean undone = FailedInstances.isUndone(Role.PREFILL, status);
        boolean clients = status.codeClass() == HttpStatusClass.CLIENT_ERROR && !undone;
        call.cancel();
        if (clients && state == ExchangeState.WAITING) {
            onPrefillRefused(call, status);
            return;
        }
        if (undone) {
            failures.onUndone(call.instance(), head);
        }
        onPrefillFailed(FailedCall.refused(call, status, undone));
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
                sender.start(waiting);
            }
        }
    }

    @Override
    public void onFailure(UpstreamCall call, UpstreamCall.Failure failure, String detail) {
        if (failure == UpstreamCall.Failure.CONNECT) {
            parts.fleet().onRefused(call.instance());
        }
        boolean untouched = failure == UpstreamCall.Failure.CONNECT || call.untouched();
        FailedCall failed = new FailedCall(call, failure.word(), detail, untouched);
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
            onPrefillFailed(failed);
        } else {
            onDecodeFailed(failed, decodeInsteadOf(call, untouched));
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
            attempt = sender.toOne(waiting.instance());
        }
    }

    private void onPrefillFailed(FailedCall failed) {
        attempt.prefillOver();
        countFailure(failed.call(), failed.kind());
        UpstreamCall waiting = attempt.decode();
        if (state != ExchangeState.WAITING || waiting == null) {
            LOG.warn(
                    "transfer={} prefill={} failed after the answer began: {}",
                    attempt.transfer(),
                    failed.instance().http(),
                    failed.detail());
            if (state == ExchangeState.DONE) {
                stopDeadline();
            }
            return;
        }
        Instance decodeOn = waiting.instance();
        attempt.cancelDecode();
        Optional<Instance> other =
                failures.insteadOf(failed.instance(), failed.untouched(), decodeOn);
        failed.log(attempt.transfer(), other, "decode alone");
        if (other.isPresent()) {
            parts.metrics().prefillRetries.inc();
            attempt = sender.toPair(other.get(), decodeOn);
        } else {
            parts.metrics().decodeAlone.labelValues("prefill_failed").inc();
            attempt = sender.toOne(decodeOn);
        }
    }

    private Optional<Instance> decodeInsteadOf(UpstreamCall call, boolean untouched) {
        return failures.decodeInsteadOf(call.instance(), untouched, attempt.prefillOn());
    }

    private void onDecodeFailed(FailedCall failed, Optional<Instance> other) {
        Optional<Instance> partner = attempt.prefillOn();
        countFailure(failed.call(), failed.kind());
        attempt.decodeOver();
        attempt.cancelPrefill();
        failed.log(attempt.transfer(), other, "none");
        if (other.isEmpty()) {
            onNobodyLeft(failed.untouched());
            return;
        }
        parts.metrics().decodeRetries.inc();
        Optional<Instance> prefillOn =
                partner.filter(other.get()::pairsWith)
                        .or(() -> partner.flatMap(any -> failures.next(Role.PREFILL, other.get())));
        attempt =
                prefillOn.isPresent()
                        ? sender.toPair(prefillOn.get(), other.get())
                        : sender.toOne(other.get());
    }

    private void onNobodyLeft(boolean untouched) {
        OptionalLong retryAfter = failures.retryAfter();
        if (retryAfter.isPresent()) {
            finishWith(Replies.unavailable(retryAfter.getAsLong(), attempt.transfer()));
        } else if (untouched && parts.fleet().count(Role.DECODE, request.model()) == 0) {
            begin();
        } else {
            finishWith(Replies.decodeFailed(attempt.transfer()));
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
        if (request.forPrefill() != null) {
            LOG.info(
                    "transfer={} {} status={} failures={} ms={}",
                    attempt.transfer().isEmpty() ? "none" : attempt.transfer(),
                    attempt.instances(),
                    status,
                    failures.count(),
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
