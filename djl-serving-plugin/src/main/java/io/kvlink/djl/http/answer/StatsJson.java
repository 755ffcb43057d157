// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.answer;

import com.google.gson.JsonObject;
import io.kvlink.djl.generation.GenerationResult;
import io.kvlink.spi.TransferOutcome;
import io.kvlink.spi.TransferRoute;
import java.util.List;
import java.util.Optional;

/**
 * Figures of a request: where its work was done and how long it took, for who asks by {@code
 * X-KvLink-Stats}.
 */
public final class StatsJson {

    private StatsJson() {}

    /**
     * Sums over the answers, times of the slowest, and the addresses of the route if there is one.
     */
    public static JsonObject of(List<GenerationResult> results, String requestId) {
        String plane = "";
        String failure = "";
        long bytes = 0;
        long transferNanos = 0;
        for (GenerationResult result : results) {
            if (result.transfer().isPresent()) {
                TransferOutcome transfer = result.transfer().get();
                plane = plane.isEmpty() ? transfer.plane() : plane;
                failure = transfer.failure().map(Enum::name).orElse(failure);
                bytes += transfer.bytes();
                transferNanos = Math.max(transferNanos, transfer.nanos());
            }
        }
        // It has been read before, or there would be no answer.
        Optional<TransferRoute> route = TransferRoute.find(requestId, 0);
        JsonObject stats = new JsonObject();
        stats.addProperty(
                "computed_prompt_tokens",
                results.stream().mapToLong(GenerationResult::computedPromptTokens).sum());
        stats.addProperty(
                "loaded_prompt_tokens",
                results.stream().mapToLong(GenerationResult::loadedPromptTokens).sum());
        stats.addProperty("plane", plane.isEmpty() ? null : plane);
        stats.addProperty("kv_bytes", bytes);
        stats.addProperty("transfer_ms", millis(transferNanos));
        stats.addProperty("transfer_error", failure.isEmpty() ? null : failure);
        stats.addProperty(
                "ttft_ms",
                millis(results.stream().mapToLong(GenerationResult::ttftNanos).max().orElse(0)));
        stats.addProperty(
                "total_ms",
                millis(results.stream().mapToLong(GenerationResult::totalNanos).max().orElse(0)));
        route.ifPresent(
                addresses -> {
                    stats.addProperty("prefill", addresses.prefill().toString());
                    stats.addProperty("decode", addresses.decode().toString());
                });
        return stats;
    }

    private static double millis(long nanos) {
        return Math.round(nanos / 1e3) / 1e3;
    }
}
