// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of instances to each other, beside the bytes: frames, their encoding, and the transport
 * that carries them. Internal: no promise to anyone outside this jar.
 */
@NullMarked
package io.kvlink.p2p.internal.control;

import org.jspecify.annotations.NullMarked;
