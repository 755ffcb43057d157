// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

/** Moment in a load, between its answer and its bytes, at which a test breaks it. */
enum LoadMoment {
    /** The engine has given the load blocks. */
    ALLOCATED,
    /** A step has begun with it. */
    STARTED,
    /** The step has awaited its first layer. */
    BETWEEN_LAYERS
}
