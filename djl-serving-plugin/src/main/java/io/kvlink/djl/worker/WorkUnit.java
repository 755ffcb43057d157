// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

/**
 * One sequence's part of a call of the decoder.
 *
 * @param tokens computed; 0 if the sequence only loads
 * @param prompt how many of them are of its prompt
 * @param picks whether a token is picked behind them
 */
record WorkUnit(Sequence sequence, int tokens, int prompt, boolean picks) {}
