// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.KvConnector;

/**
 * One of the connectors that make up a whole.
 *
 * @param index its place in the list, from 0: loads come from the first that has the KV
 * @param name its provider's
 * @param connector owned by the whole
 */
record Part(int index, String name, KvConnector connector) {}
