// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.model;

import io.kvlink.djl.model.config.ModelConfig;
import io.kvlink.djl.model.config.Rope;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;

/**
 * The oracle: the whole forward pass as the textbook has it, one loop after another in double, no
 * cache, no fusion. Shares nothing with the decoder but the configuration; which biases and norms
 * there are it sees from the weights. Its rotation is the plain one.
 */
public final class ReferenceLlama {
    private final ModelConfig config;
    private final Function<String, float[]> weights;
    private final double theta;

    public ReferenceLlama(ModelConfig config, Map<String, float[]> weights) {
        this.config = config;
        this.theta = ((Rope.Plain) config.rope()).theta();
        this.weights = weights::get;
    }

    /** Logits after the last token. */
    public double[] logits(int[] tokens) {
        return logits(tokens, tokens.length - 1)[0];
    }

    /** Logits after each token from one on. */
    public double[][] logits(int[] tokens, int from) {
        int hidden = config.hiddenSize();
        float[] embedding = weights.apply("model.embed_tokens.weight");
        double[][] x = new double[tokens.length][hidden];
        for (int t = 0; t < tokens.length; t++) {
            for (int i = 0; i < hidden; i++) {
                x[t][i] = embedding[tokens[t] * hidden + i];
            }
        }
        for (int layer = 0; layer < config.layers(); layer++) {
            layer(x, layer, "model.layers." + layer + ".");
        }
        float[] head = config.tiedEmbeddings() ? embedding : weights.apply("lm_head.weight");
        float[] norm = weights.apply("model.norm.weight");
        return Arrays.stream(x, from, x.length)
                .map(last -> times(head, norm(last, norm)))
                .toArray(double[][]::new);
    }

    private void layer(double[][] x, int layer, String prefix) {
        double[][] q = new double[x.length][];
        double[][] k = new double[x.length][];
        double[][] v = new double[x.length][];
        String attention = prefix + "self_attn.";
        for (int t = 0; t < x.length; t++) {
            double[] in = norm(x[t], weights.apply(prefix + "input_layernorm.weight"));
            q[t] = rope(heads(linear(attention + "q_proj", in), attention + "q_norm.weight"), t);
            k[t] = rope(heads(linear(attention + "k_proj", in), attention + "k_norm.weight"), t);
            v[t] = linear(attention + "v_proj", in);
        }
        int window = config.windows().get(layer);
        for (int t = 0; t < x.length; t++) {
            double[] mixed =
                    attention(q[t], k, v, window == 0 ? 0 : Math.max(0, t - window + 1), t);
            add(x[t], linear(attention + "o_proj", mixed));
            double[] in = norm(x[t], weights.apply(prefix + "post_attention_layernorm.weight"));
            double[] gate = linear(prefix + "mlp.gate_proj", in);
            double[] up = linear(prefix + "mlp.up_proj", in);
            for (int i = 0; i < gate.length; i++) {
                gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
            }
            add(x[t], linear(prefix + "mlp.down_proj", gate));
        }
    }

    private double[] linear(String name, double[] x) {
        double[] out = times(weights.apply(name + ".weight"), x);
        float[] bias = weights.apply(name + ".bias");
        for (int i = 0; bias != null && i < out.length; i++) {
            out[i] += bias[i];
        }
        return out;
    }

    /** Norms each head by itself, if there is such a norm. */
    private double[] heads(double[] heads, String name) {
        float[] weight = weights.apply(name);
        int dim = config.headDim();
        for (int at = 0; weight != null && at < heads.length; at += dim) {
            double[] normed = norm(Arrays.copyOfRange(heads, at, at + dim), weight);
            System.arraycopy(normed, 0, heads, at, dim);
        }
        return heads;
    }

    private double[] attention(double[] q, double[][] k, double[][] v, int first, int now) {
        int dim = config.headDim();
        double[] mixed = new double[config.heads() * dim];
        for (int head = 0; head < config.heads(); head++) {
            int mine = head * dim;
            int shared = head / (config.heads() / config.kvHeads()) * dim;
            double[] weight = new double[now + 1];
            double total = 0;
            for (int t = first; t <= now; t++) {
                double[] key = k[t];
                double score = 0;
                for (int i = 0; i < dim; i++) {
                    score += q[mine + i] * key[shared + i];
                }
                weight[t] = Math.exp(score / Math.sqrt(dim));
                total += weight[t];
            }
            for (int t = first; t <= now; t++) {
                double[] value = v[t];
                double share = weight[t] / total;
                for (int i = 0; i < dim; i++) {
                    mixed[mine + i] += share * value[shared + i];
                }
            }
        }
        return mixed;
    }

    private double[] rope(double[] heads, int position) {
        int dim = config.headDim();
        int half = dim / 2;
        double[] rotated = new double[heads.length];
        for (int i = 0; i < half; i++) {
            double angle = position * Math.pow(theta, -2.0 * i / dim);
            double cos = Math.cos(angle);
            double sin = Math.sin(angle);
            for (int start = i; start < heads.length; start += dim) {
                double a = heads[start];
                double b = heads[start + half];
                rotated[start] = a * cos - b * sin;
                rotated[start + half] = b * cos + a * sin;
            }
        }
        return rotated;
    }

    private double[] norm(double[] x, float[] weight) {
        double squares = 0;
        for (double value : x) {
            squares += value * value;
        }
        double scale = 1 / Math.sqrt(squares / x.length + config.rmsNormEps());
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i] * scale * weight[i];
        }
        return out;
    }

    private static double[] times(float[] matrix, double[] x) {
        double[] out = new double[matrix.length / x.length];
        for (int row = 0; row < out.length; row++) {
            int start = row * x.length;
            double sum = 0;
            for (int i = 0; i < x.length; i++) {
                sum += matrix[start + i] * x[i];
            }
            out[row] = sum;
        }
        return out;
    }

    private static void add(double[] x, double[] other) {
        for (int i = 0; i < x.length; i++) {
            x[i] += other[i];
        }
    }
}
