// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.model.Tokenizer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * The tokenizer as other threads may use it: never while, or after, it is closed. Thread-safe.
 *
 * <p>A token's own text is what it adds to a text before it, since some tokenizers drop a leading
 * space at the beginning. Texts are kept: log-probabilities ask for the same ones again and again.
 */
final class ModelTexts {

    private static final String BEFORE = "a";

    private final Tokenizer tokenizer;
    private final Supplier<GenerationException> whenClosed;
    // Readers use the tokenizer; the writer closes it.
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
    private final AtomicReferenceArray<String> texts;
    private final int[] before;
    private final String beforeText;
    // Guarded by the lock.
    private boolean closed;

    ModelTexts(Tokenizer tokenizer, int vocabSize, Supplier<GenerationException> whenClosed) {
        this.tokenizer = tokenizer;
        this.whenClosed = whenClosed;
        this.texts = new AtomicReferenceArray<>(vocabSize);
        this.before = tokenizer.encode(BEFORE, false);
        this.beforeText = tokenizer.decodeAll(before);
    }

    int[] encode(String text, boolean special) {
        return using(() -> tokenizer.encode(text, special));
    }

    String decode(int... tokens) {
        return using(() -> tokenizer.decode(tokens));
    }

    /** The text of one token, special tokens included; half a character is U+FFFD. */
    String text(int token) {
        if (token < 0 || token >= texts.length()) {
            return "";
        }
        String known = texts.get(token);
        if (known != null) {
            return known;
        }
        String text = using(() -> tokenText(token));
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

    private String tokenText(int token) {
        int[] two = Arrays.copyOf(before, before.length + 1);
        two[before.length] = token;
        String text = tokenizer.decodeAll(two);
        return text.startsWith(beforeText)
                ? text.substring(beforeText.length())
                : tokenizer.decodeAll(token);
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
