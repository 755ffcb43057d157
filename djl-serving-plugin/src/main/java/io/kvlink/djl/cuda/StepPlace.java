// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

/**
 * Memory for the input and output of one kind of steps.
 *
 * @param input address of the device's copy of a step's input
 * @param attention address of the structs {@code Attention} that read it
 * @param ring the host's side, closed by whoever computes the steps
 */
record StepPlace(StepLayout layout, long input, long attention, StepRing ring) {}
