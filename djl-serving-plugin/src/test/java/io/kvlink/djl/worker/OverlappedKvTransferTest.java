// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.worker;

import io.kvlink.djl.engine.DecoderFactory;

/** {@link KvTransferTest} with decoders that are ahead of their workers. */
class OverlappedKvTransferTest extends KvTransferTest {

    @Override
    DecoderFactory decoders() {
        return spec -> new AheadDecoder(super.decoders().open(spec));
    }
}
