/**
 * Memory behind DJL's arrays: where it lies, and arrays over memory that somebody else owns.
 * Depends on DJL's PyTorch engine and JNA, and on nothing else of the plugin.
 */
@NullMarked
package io.kvlink.djl.tensor;

import org.jspecify.annotations.NullMarked;
