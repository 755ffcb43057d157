// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Instances that have failed one request, and who is to be tried instead. Each instance is tried
 * once. A request that an instance took and didn't survive gets one more chance with each role: it
 * may be the reason. Belongs to its exchange's event loop.
 */
public final class FailedInstances {

    /** An instance that answers so has done nothing: another may. */
    private static final Set<HttpResponseStatus> UNDONE =
            Set.of(
                    HttpResponseStatus.SERVICE_UNAVAILABLE,
                    HttpResponseStatus.TOO_MANY_REQUESTS,
                    // It doesn't have the model any more.
                    HttpResponseStatus.NOT_FOUND);

    // These speak of the call to the prefill instance, not of what the client wants.
    private static final Set<HttpResponseStatus> UNDONE_PREFILL =
            Set.of(HttpResponseStatus.REQUEST_TIMEOUT, HttpResponseStatus.valueOf(425));

    private static final long MAX_DIGITS = 9;

    private final Fleet fleet;
    private final String model;
    private final List<Instance> failed = new ArrayList<>();
    private final Set<Role> lost = EnumSet.noneOf(Role.class);
    private OptionalLong retryAfter = OptionalLong.empty();

    public FailedInstances(Fleet fleet, String model) {
        this.fleet = fleet;
        this.model = model;
    }

    /** True if an instance that answers so has done nothing, and another may do it. */
    public static boolean isUndone(Role role, HttpResponseStatus status) {
        return UNDONE.contains(status) || (role == Role.PREFILL && UNDONE_PREFILL.contains(status));
    }

    /** Hears what an instance has answered of which {@link #isUndone} is true. */
    public void onUndone(Instance instance, HttpResponse head) {
        if (head.status().equals(HttpResponseStatus.NOT_FOUND)) {
            return;
        }
        long seconds = seconds(head);
        if (instance.role() == Role.DECODE) {
            retryAfter = OptionalLong.of(seconds);
        }
        if (head.status().equals(HttpResponseStatus.SERVICE_UNAVAILABLE)) {
            fleet.onUnavailable(instance, seconds);
        }
    }

    /** A date is taken for a second, as is whatever else it may be. */
    private static long seconds(HttpResponse head) {
        String text = head.headers().get(HttpHeaderNames.RETRY_AFTER, "").trim();
        boolean whole =
                !text.isEmpty()
                        && text.length() <= MAX_DIGITS
                        && text.chars().allMatch(c -> c >= '0' && c <= '9');
        return whole ? Long.parseLong(text) : 1;
    }

    /**
     * An instance has failed.
     *
     * @param untouched whether the request can't be the reason
     * @return who is to be tried instead; empty if nobody is
     */
    public Optional<Instance> insteadOf(Instance instance, boolean untouched) {
        return mayTryAgain(instance, untouched) ? next(instance.role()) : Optional.empty();
    }

    /** Like {@link #insteadOf}, among those that pair with an instance of the other role. */
    public Optional<Instance> insteadOf(Instance instance, boolean untouched, Instance partner) {
        return mayTryAgain(instance, untouched) ? next(instance.role(), partner) : Optional.empty();
    }

    /**
     * A decode instance has failed.
     *
     * @param untouched whether the request can't be the reason
     * @param prefill the prefill instance that computes for it; empty if none does
     * @return who is to be tried instead: one that pairs with the same prefill instance, else with
     *     another, else anyone; empty if nobody is
     */
    public Optional<Instance> decodeInsteadOf(
            Instance instance, boolean untouched, Optional<Instance> prefill) {
        if (!mayTryAgain(instance, untouched)) {
            return Optional.empty();
        }
        return prefill.flatMap(
                        partner ->
                                fleet.one(
                                        Role.DECODE,
                                        model,
                                        failed,
                                        i -> !fleet.skipped(i) && i.pairsWith(partner)))
                .or(() -> prefill.flatMap(partner -> fleet.paired(model, failed)))
                .or(() -> next(Role.DECODE));
    }

    private boolean mayTryAgain(Instance instance, boolean untouched) {
        onFailed(instance);
        return untouched || lost.add(instance.role());
    }

    /** An instance isn't to be tried again. */
    public void onFailed(Instance instance) {
        failed.add(instance);
    }

    /** The next instance of a role that hasn't failed. */
    public Optional<Instance> next(Role role) {
        return fleet.one(role, model, failed);
    }

    /** A missing model isn't the client's fault if its instances are just leaving. */
    public boolean isForClient(Instance instance, HttpResponseStatus status) {
        return !status.equals(HttpResponseStatus.NOT_FOUND)
                || (retryAfter.isEmpty() && fleet.has(instance));
    }

    /** Seconds after which a decode instance wants to be asked again, if one has said so. */
    public OptionalLong retryAfter() {
        return retryAfter;
    }

    /** The next instance of a role that pairs with one of the other role. */
    public Optional<Instance> next(Role role, Instance partner) {
        return fleet.one(role, model, failed, partner::pairsWith);
    }

    /** Number of instances that have failed. */
    public int count() {
        return failed.size();
    }
}
