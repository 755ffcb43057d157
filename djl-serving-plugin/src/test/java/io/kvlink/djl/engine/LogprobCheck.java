// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.kvlink.djl.sampling.SampledToken;
import io.kvlink.djl.sampling.SampledToken.TokenLogprob;
import io.kvlink.djl.sampling.SamplingParams;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Compares greedy tokens and their log-probabilities with known logits.
 *
 * @param tolerance of a log-probability
 */
public record LogprobCheck(double tolerance) {

    /** Compares a token that was picked with all log-probabilities. */
    public void check(SampledToken found, double[] logits, String where) {
        assertThat(difference(found, logits)).as(where).isLessThan(tolerance);
        double[] wanted = logprobs(logits);
        double best = Arrays.stream(wanted).max().orElseThrow();
        assertThat(wanted[found.id()]).as(where).isGreaterThan(best - 2 * tolerance);
        assertThat(found.top().get(0).id()).as(where).isEqualTo(found.id());
        assertThat(found.top()).as(where).hasSize(SamplingParams.MAX_LOGPROBS);
    }

    /**
     * Greatest distance of the log-probabilities from those of the logits. Each token is compared
     * with its own, and each rank with the same rank, so that no likelier token was left out.
     */
    public static double difference(SampledToken found, double[] logits) {
        double[] wanted = logprobs(logits);
        double[] ranked = Arrays.stream(wanted).sorted().toArray();
        double most = Math.abs(found.logprob() - wanted[found.id()]);
        List<TokenLogprob> top = found.top();
        for (int i = 0; i < top.size(); i++) {
            TokenLogprob each = top.get(i);
            double own = Math.abs(each.logprob() - wanted[each.id()]);
            double ofRank = Math.abs(each.logprob() - ranked[ranked.length - 1 - i]);
            most = Math.max(most, Math.max(own, ofRank));
        }
        return Double.isNaN(most) ? Double.POSITIVE_INFINITY : most;
    }

    /** Natural logarithms of the tokens' probabilities. */
    public static double[] logprobs(double[] logits) {
        double most = Arrays.stream(logits).max().orElseThrow();
        double total = Arrays.stream(logits).map(logit -> Math.exp(logit - most)).sum();
        return Arrays.stream(logits).map(logit -> logit - most - Math.log(total)).toArray();
    }

    /** Copy of the numbers as doubles. */
    public static double[] doubles(float[] values) {
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }
}
