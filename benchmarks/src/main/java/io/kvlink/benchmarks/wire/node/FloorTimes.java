// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

/**
 * Times of the same bytes without a connector.
 *
 * @param ms each round, by the GPU's clock where it is a GPU's
 * @param wallMs each round, until the calling thread knows
 * @param backToBackMs one round of many that follow each other without a gap
 * @param cpuMs processor time of one such round, both sides together; NaN on a GPU
 */
@SuppressWarnings("ArrayRecordComponent")
public record FloorTimes(double[] ms, double[] wallMs, double backToBackMs, double cpuMs) {}
