// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.send;

import io.kvlink.p2p.internal.cuda.CudaEvent;

/** A point of a device's stream at which saved layers are complete; several may share it. */
public interface SavePoint {

    /** The event, recorded there until all who share the point have released it. */
    CudaEvent event();

    /** One layer needs it no more. From any thread. */
    void release();
}
