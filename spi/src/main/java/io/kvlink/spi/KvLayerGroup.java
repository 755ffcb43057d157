// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Layers of one rank whose KV has one shape and one block table. Most models have one group. Others
 * have, say, layers with a sliding window beside layers with full attention, or latent rows beside
 * keys and values. Immutable.
 */
public final class KvLayerGroup {

    private final KvLayout layout;
    private final List<Integer> layers;
    private final int window;

    private KvLayerGroup(KvLayout layout, List<Integer> layers, int window) {
        this.layout = layout;
        this.layers = List.copyOf(layers);
        this.window = window;
        boolean ascends =
                IntStream.range(1, layers.size()).allMatch(i -> layers.get(i - 1) < layers.get(i));
        if (layers.size() != layout.layers() || !ascends) {
            throw new IllegalArgumentException(
                    "layers=%s window=%d %s".formatted(layers, window, layout));
        }
    }

    /**
     * Group of layers with full attention.
     *
     * @param layout see {@link #layout}
     * @param layers see {@link #layers}
     */
    public static KvLayerGroup of(KvLayout layout, List<Integer> layers) {
        return new KvLayerGroup(layout, layers, 0);
    }

    /**
     * Group of layers with a sliding window.
     *
     * @param layout see {@link #layout}
     * @param layers see {@link #layers}
     * @param window see {@link #window}, at least 2: of 1 nothing would be kept
     */
    public static KvLayerGroup sliding(KvLayout layout, List<Integer> layers, int window) {
        if (window < 2) {
            throw new IllegalArgumentException("window=" + window);
        }
        return new KvLayerGroup(layout, layers, window);
    }

    /**
     * Group of all layers of a rank, with full attention.
     *
     * @param layout see {@link #layout}
     */
    public static KvLayerGroup all(KvLayout layout) {
        return of(layout, IntStream.range(0, layout.layers()).boxed().toList());
    }

    /** Layout of these layers. Its stages and ranks are the instance's, its layers these only. */
    public KvLayout layout() {
        return layout;
    }

    /** Numbers of the layers in this rank, as {@link KvWorker#awaitLayer} counts, ascending. */
    public List<Integer> layers() {
        return layers;
    }

    /**
     * Place of a layer in the group, from 0; negative if it isn't of the group.
     *
     * @param layer its number in this rank
     */
    public int indexOf(int layer) {
        return Collections.binarySearch(layers, layer);
    }

    /**
     * Tokens that a query sees, its own included; 0 for all. Only the KV that the prompt's last
     * token sees is moved. An engine keeps that until a report names the request, and may give the
     * blocks before it to others. It loads all that was offered, or nothing.
     */
    public int window() {
        return window;
    }

    /**
     * First token whose KV is needed to go on behind some tokens.
     *
     * @param tokens how many there are
     */
    public int firstNeeded(int tokens) {
        return window == 0 ? 0 : Math.max(0, tokens - window + 1);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KvLayerGroup group
                && layout.equals(group.layout)
                && layers.equals(group.layers)
                && window == group.window;
    }

    @Override
    public int hashCode() {
        return 31 * (31 * layout.hashCode() + layers.hashCode()) + window;
    }

    @Override
    public String toString() {
        return "KvLayerGroup[layers=%s window=%d %s]".formatted(layers, window, layout);
    }
}
