// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.plane.nccl;

import io.kvlink.p2p.internal.cuda.CudaStream;
import io.kvlink.spi.KvConnectorException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * First bytes of a pair, with which NCCL connects its ends. Owns the stream that they take, in
 * which nobody else waits, until they are through or the pair has ended. Knows how much of the
 * device NCCL took for it. Device thread only.
 */
final class NcclGreeting {

    private static final Logger log = LoggerFactory.getLogger(NcclGreeting.class);

    private final NcclLane lane;
    private final long freeBytesBefore;
    private @Nullable CudaStream stream;
    private long communicatorBytes;

    /**
     * Takes nothing yet.
     *
     * @param lane the link's
     * @param freeBytesBefore what was free of the device before the communicator was made
     */
    NcclGreeting(NcclLane lane, long freeBytesBefore) {
        this.lane = lane;
        this.freeBytesBefore = freeBytesBefore;
    }

    /** Makes the group to launch; throws what opening a stream throws. */
    NcclGroup begin(NcclPair link, NcclGroup.Listener told) {
        CudaStream own = lane.device().newStream();
        stream = own;
        NcclMessage part = new NcclMessage(lane.scratch(), NcclLane.SCRATCH_BYTES);
        return new NcclGroup(link, List.of(part), null, own, lane.takeEvent(), told);
    }

    /** The bytes are through: nothing of it runs any more. */
    void end() {
        long taken = freeBytesBefore - lane.device().freeBytes();
        communicatorBytes = Math.max(0, taken);
        close();
    }

    /** Device memory that was taken meanwhile; 0 before the end. */
    long communicatorBytes() {
        return communicatorBytes;
    }

    private void close() {
        CudaStream closed = stream;
        if (closed != null) {
            stream = null;
            closed.close();
        }
    }

    /** The link has failed, and nothing of it runs any more. */
    void closeOfFailed(NcclPair link) {
        try {
            close();
        } catch (KvConnectorException cause) {
            log.warn("{}: a stream is lost", link, cause);
        }
    }
}
