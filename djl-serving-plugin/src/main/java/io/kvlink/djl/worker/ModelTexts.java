// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.generation.GenerationException;
import io.kvlink.djl.text.TokenText;
import io.kvlink.djl.text.Tokenizer;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * The tokenizer as other threads may use it: never while, or after, it is closed. Thread-safe.
 *
 * <p>Tokens' own texts are kept: log-probabilities ask for the same ones again and again.
 */
final class ModelTexts {

    private final Tokenizer tokenizer;
    private final Supplier<GenerationException> whenClosed;
    // Readers use the tokenizer; the writer closes it.
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
    private final AtomicReferenceArray<TokenText> texts;
    // Guarded by the lock.
    private boolean closed;

    ModelTexts(Tokenizer tokenizer, int vocabSize, Supplier<GenerationException> whenClosed) {
        this.tokenizer = tokenizer;
        this.whenClosed = whenClosed;
        this.texts = new AtomicReferenceArray<>(vocabSize);
    }

    int[] encode(String text, boolean special) {
        return using(() -> tokenizer.encode(text, special));
    }

    String decode(int... tokens) {
        return using(() -> tokenizer.decode(tokens));
    }

    /** The end of a prompt's text that its answer may change. */
    String uncertain(int... prompt) {
        return using(() -> tokenizer.uncertain(prompt));
    }

    /** One token by itself, special tokens included. */
    TokenText text(int token) {
        if (token < 0 || token >= texts.length()) {
            return TokenText.NONE;
        }
        TokenText known = texts.get(token);
        if (known != null) {
            return known;
        }
        TokenText text = using(() -> tokenizer.tokenText(token));
        texts.set(token, text);
        return text;
    }

    /** Runs what closes the tokenizer, when nobody uses it. */
    void close(Runnable closing) {
        use.writeLock().lock();
        try {
            closed = true;
            closing.run();
        } finally {
            use.writeLock().unlock();
        }
    }

    private <T> T using(Supplier<T> call) {
        use.readLock().lock();
        try {
            if (closed) {
                throw whenClosed.get();
            }
            return call.get();
        } finally {
            use.readLock().unlock();
        }
    }
}
