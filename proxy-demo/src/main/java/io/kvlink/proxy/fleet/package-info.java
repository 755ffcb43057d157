// SPDX-License-Identifier: Apache-2.0
/**
 * Instances that are there: their heartbeats, the table of them, the choice of a pair for a model
 * and of another when one fails. Called from any thread, but the table has one writer. Depends on
 * no other room.
 */
@NullMarked
package io.kvlink.proxy.fleet;

import org.jspecify.annotations.NullMarked;
