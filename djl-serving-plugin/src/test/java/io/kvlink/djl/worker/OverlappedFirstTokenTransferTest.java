// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecoderFactory;

/** {@link FirstTokenTransferTest} with decoders that are ahead of their workers. */
class OverlappedFirstTokenTransferTest extends FirstTokenTransferTest {

    @Override
    DecoderFactory decoders() {
        return spec -> new AheadDecoder(super.decoders().open(spec));
    }
}
