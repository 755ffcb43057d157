// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import ai.djl.MalformedModelException;
import io.kvlink.djl.model.config.ModelLoadException;
import io.kvlink.spi.KvConnectorException;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Failure of a model to load, as DJL is told of it. DJL Serving answers with the innermost cause's
 * message, {@code Errno 48} say, and logs none of it. So the cause is logged here and not passed
 * on.
 */
final class LoadFailure {

    private static final Logger log = LoggerFactory.getLogger(LoadFailure.class);

    private LoadFailure() {}

    /**
     * Logs a failure.
     *
     * @param name of the model, as DJL calls it
     * @param path where it was to be loaded from
     * @param cause anything that was thrown
     * @return what DJL gets: our message, without a cause
     */
    static MalformedModelException report(String name, Path path, Throwable cause) {
        String message = message(path, cause);
        log.error("model={} path={} isn't loaded: {}", name, path, message, cause);
        return new MalformedModelException(message);
    }

    private static String message(Path path, Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof NoClassDefFoundError missing) {
                return "class=%s is missing; copy every jar of the archive's plugins/ into the plugin folder"
                        .formatted(missing.getMessage());
            }
            if (cause instanceof OutOfMemoryError full) {
                return "path=%s needs more memory than there is: %s; raise -Xmx or -XX:MaxDirectMemorySize, or lower option.kv_cache_tokens"
                        .formatted(path, full.getMessage());
            }
        }
        // Ours say what is wrong and what to do.
        boolean ours =
                failure instanceof KvConnectorException || failure instanceof ModelLoadException;
        return ours ? String.valueOf(failure.getMessage()) : foreign(path, failure);
    }

    private static String foreign(Path path, Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        // libtorch's go on with its own stack.
        String line = root.toString().lines().findFirst().orElse("");
        return "path=%s isn't loaded: %s; the log has more".formatted(path, line);
    }
}
