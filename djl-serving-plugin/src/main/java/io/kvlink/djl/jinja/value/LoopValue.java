// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.value;

import java.util.Iterator;

/**
 * A loop as its own template sees it: the elements that are left, and how many there are in all.
 */
public interface LoopValue extends Iterator<Object> {

    /** Number of all elements. Reads ahead if nobody knows it yet. */
    long length();
}
