// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker.config;

import io.kvlink.spi.Settings;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Limits of clients' wishes, and the values they get without asking. Keys in brackets are the
 * settings' names.
 *
 * @param requestTimeout [{@code request_timeout_s}] longest time from a request's submission to its
 *     end; a client may ask for less
 * @param maxModelLen [{@code max_model_len}] most tokens of a prompt and its answer together, no
 *     more than the model's context; absent: the model's context
 * @param maxPromptTokens [{@code max_prompt_tokens}] most tokens of a prompt
 * @param maxRequestBytes [{@code max_request_bytes}] most bytes of a request's body, {@link
 *     #MAX_REQUEST_BYTES} at most
 * @param generationConfig [{@code generation_config}] {@code auto}: what the client leaves out is
 *     taken from the model's {@code generation_config.json}; {@code none}: it isn't
 * @param chatTemplate [{@code chat_template}] a file in the model's directory, or elsewhere if it
 *     is an absolute path, with the Jinja template of chats; absent: the model's own
 * @param drain [{@code drain_seconds}] how long a worker that takes nothing new may take to end
 *     what runs
 * @param healthStall [{@code health_stall_s}] longest time that a turn of the worker's thread may
 *     take before the worker is said not to live
 */
public record SurfaceConfig(
        Duration requestTimeout,
        int maxModelLen,
        int maxPromptTokens,
        int maxRequestBytes,
        boolean generationConfig,
        Optional<String> chatTemplate,
        Duration drain,
        Duration healthStall) {

    /**
     * Largest request that DJL Serving's port lets through by default; the other hosts have the
     * same limit.
     */
    public static final int MAX_REQUEST_BYTES = 64 << 20;

    private static final int MAX_TIMEOUT_S = 7 * 24 * 3600;

    // Kubernetes kills 30 s after SIGTERM.
    private static final int DRAIN_S = 25;

    static SurfaceConfig of(Settings settings) {
        String template = settings.text("chat_template", "");
        return new SurfaceConfig(
                seconds(settings, "request_timeout_s", 3600, 0.001),
                (int) settings.integer("max_model_len", Integer.MAX_VALUE, 2, Integer.MAX_VALUE),
                (int)
                        settings.integer(
                                "max_prompt_tokens", Integer.MAX_VALUE, 1, Integer.MAX_VALUE),
                (int)
                        settings.integer(
                                "max_request_bytes", MAX_REQUEST_BYTES, 1, MAX_REQUEST_BYTES),
                settings.choice(
                        "generation_config",
                        List.of(true, false),
                        auto -> auto ? "auto" : "none",
                        true),
                template.isBlank() ? Optional.empty() : Optional.of(template),
                seconds(settings, "drain_seconds", DRAIN_S, 0),
                seconds(settings, "health_stall_s", 60, 0.1));
    }

    private static Duration seconds(Settings settings, String key, double absent, double least) {
        return Duration.ofMillis(
                Math.round(1000 * settings.number(key, absent, least, MAX_TIMEOUT_S)));
    }
}
