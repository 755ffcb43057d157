// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model.config;

import com.google.gson.JsonElement;
import java.util.List;

/**
 * Turn of a head's pairs from one position to the next. Frequencies are computed step by step in
 * float32, as the models' authors do. At position 100 000 a rounding more or less of a frequency is
 * seen in the logits.
 */
public sealed interface Rope {
    /** Most that {@code config.json} may say of a factor or of a theta. */
    double MAX = 1e12;

    List<String> TYPES = List.of("default", "linear", "dynamic", "llama3", "yarn");

    /** Angle of each pair at position 1; {@code headDim / 2} of them. */
    float[] frequencies(int headDim);

    /** Multiplies q and k, each. */
    default float attentionFactor() {
        return 1;
    }

    /** Positions that can be served if {@code config.json} names this many. */
    default int contextLength(int maxPositions) {
        return maxPositions;
    }

    /** Frequencies that fall geometrically from 1 to 1/theta. */
    record Plain(double theta) implements Rope {
        @Override
        public float[] frequencies(int headDim) {
            float[] frequencies = new float[headDim / 2];
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] = 1 / power(theta, i, headDim);
            }
            return frequencies;
        }

        /** Theta to the power of 2i/headDim. */
        static float power(double theta, int i, int headDim) {
            float exponent = 2f * i / headDim;
            return (float) StrictMath.pow((float) theta, exponent);
        }
    }

    /** Positions are divided by the factor, which is how many times longer sequences may be. */
    record Linear(Plain plain, double factor) implements Rope {
        @Override
        public float[] frequencies(int headDim) {
            float[] frequencies = plain.frequencies(headDim);
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] /= (float) factor;
            }
            return frequencies;
        }
    }

    /**
     * Llama 3.1: low frequencies are divided by the factor, high ones kept, those between mixed.
     */
    record Llama3(Plain plain, double factor, double low, double high, int trained)
            implements Rope {
        @Override
        public float[] frequencies(int headDim) {
            float[] frequencies = plain.frequencies(headDim);
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] = scaled(frequencies[i]);
            }
            return frequencies;
        }

        private float scaled(float frequency) {
            float wavelength = (float) (2 * Math.PI) / frequency;
            if (wavelength < (float) (trained / high)) {
                return frequency;
            }
            if (wavelength > (float) (trained / low)) {
                return frequency / (float) factor;
            }
            float kept = (trained / wavelength - (float) low) / (float) (high - low);
            return (1 - kept) * frequency / (float) factor + kept * frequency;
        }
    }

    /**
     * YaRN: like Llama 3's, but mixed by the pair's index, and attention is made sharper.
     *
     * @param fast turns within the trained length above which a pair is kept
     * @param slow turns below which its frequency is divided by the factor
     * @param truncate whether the indices between which pairs are mixed are whole
     */
    record Yarn(
            Plain plain,
            double factor,
            int trained,
            double fast,
            double slow,
            float attentionFactor,
            boolean truncate)
            implements Rope {
        private static final float SAME_INDEX_STEP = .001f;

        @Override
        public float[] frequencies(int headDim) {
            double first = index(fast, headDim);
            double last = index(slow, headDim);
            float from = (float) Math.max(0, truncate ? Math.floor(first) : first);
            float to = (float) Math.min(headDim - 1, truncate ? Math.ceil(last) : last);
            float step = from == to ? SAME_INDEX_STEP : to - from;
            float[] frequencies = new float[headDim / 2];
            for (int i = 0; i < frequencies.length; i++) {
                float power = Plain.power(plain.theta(), i, headDim);
                float kept = 1 - Math.min(1, Math.max(0, (i - from) / step));
                frequencies[i] = 1 / ((float) factor * power) * (1 - kept) + 1 / power * kept;
            }
            return frequencies;
        }

        /** The index, with a fraction, of the pair that turns this often in the trained length. */
        private double index(double turns, int headDim) {
            return headDim
                    * StrictMath.log(trained / (turns * 2 * Math.PI))
                    / (2 * StrictMath.log(plain.theta()));
        }

        @Override
        public int contextLength(int maxPositions) {
            return (int) Math.min(Integer.MAX_VALUE, Math.max(maxPositions, trained * factor));
        }
    }

    /**
     * Reads {@code rope_parameters}, or {@code rope_theta} and {@code rope_scaling} of older files.
     *
     * @throws ModelLoadException if its type isn't one of {@link #TYPES}
     */
    static Rope of(JsonFields config) {
        String key = config.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
        Plain top = new Plain(config.number("rope_theta", 1, MAX).orElse(10_000));
        requireWhole(config);
        if (!config.has(key)) {
            return top;
        }
        JsonFields rope = config.object(key);
        requireWhole(rope);
        if (rope.json().asMap().values().stream().anyMatch(JsonElement::isJsonObject)) {
            throw config.unexpected(key, "one set of parameters for all layers");
        }
        Plain plain = new Plain(rope.number("rope_theta", 1, MAX).orElse(top.theta()));
        String typeKey = rope.has("rope_type") ? "rope_type" : "type";
        String type = rope.text(typeKey, "default");
        return switch (type) {
            // Within the length that was trained, which is what is served, dynamic scales nothing.
            case "default", "dynamic" -> plain;
            case "linear" -> new Linear(plain, factor(rope));
            case "llama3" -> llama3(plain, rope, trained(config, rope));
            case "yarn" -> yarn(plain, rope, trained(config, rope));
            default -> throw rope.unsupported(typeKey, TYPES);
        };
    }

    private static Llama3 llama3(Plain plain, JsonFields rope, int trained) {
        double low = rope.number("low_freq_factor", Double.MIN_VALUE, MAX).orElse(1);
        double high = rope.number("high_freq_factor", Double.MIN_VALUE, MAX).orElse(4);
        if (high <= low) {
            throw rope.unexpected("high_freq_factor", "more than low_freq_factor=" + low);
        }
        return new Llama3(plain, factor(rope), low, high, trained);
    }

    private static Yarn yarn(Plain plain, JsonFields rope, int trained) {
        double factor = factor(rope);
        return new Yarn(
                plain,
                factor,
                trained,
                rope.number("beta_fast", Double.MIN_VALUE, MAX).orElse(32),
                rope.number("beta_slow", Double.MIN_VALUE, MAX).orElse(1),
                (float) attentionFactor(rope, factor),
                rope.flag("truncate", true));
    }

    private static double attentionFactor(JsonFields rope, double factor) {
        double mscale = rope.number("mscale", 0, MAX).orElse(0);
        double allDims = rope.number("mscale_all_dim", 0, MAX).orElse(0);
        double absent =
                mscale > 0 && allDims > 0
                        ? sharper(factor, mscale) / sharper(factor, allDims)
                        : sharper(factor, 1);
        return rope.number("attention_factor", 0, MAX).orElse(absent);
    }

    private static double sharper(double factor, double mscale) {
        return factor <= 1 ? 1 : .1 * mscale * StrictMath.log(factor) + 1;
    }

    private static double factor(JsonFields rope) {
        if (!rope.has("factor")) {
            throw rope.unexpected("factor", "a number of 1 or more");
        }
        return rope.number("factor", 1, MAX).orElseThrow();
    }

    private static int trained(JsonFields config, JsonFields rope) {
        String key = "original_max_position_embeddings";
        return config.has(key)
                ? config.count(key, ModelConfig.MAX_SIZE)
                : rope.count(
                        key,
                        ModelConfig.MAX_SIZE,
                        config.count("max_position_embeddings", ModelConfig.MAX_SIZE));
    }

    private static void requireWhole(JsonFields fields) {
        if (fields.number("partial_rotary_factor", 0, 1).orElse(1) != 1) {
            throw fields.unsupported("partial_rotary_factor", List.of("1.0"));
        }
    }
}
