// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.cuda;

import io.kvlink.djl.cuda.kv.CudaKvMemory;
import io.kvlink.djl.engine.KvSlots;
import io.kvlink.djl.engine.LayerHook;
import io.kvlink.djl.engine.PromptChunk;
import java.util.List;

/**
 * Computes some prompts before the first request comes: cuBLAS loads its kernels when a size is
 * first asked for. The decoder's thread.
 */
record WarmUp(CudaKvMemory memory, PrefillSteps prefills, int maxPrefill) {

    void run() {
        for (int tokens = 16; tokens < maxPrefill; tokens *= 4) {
            run(tokens);
        }
        run(maxPrefill);
    }

    private void run(int tokens) {
        KvSlots slots = memory.allocate(tokens);
        if (slots == null) {
            return; // Nor will there be such a prompt.
        }
        try {
            PromptChunk chunk = new PromptChunk(slots, 0, new int[tokens], null, true);
            prefills.enqueue(List.of(chunk), LayerHook.NONE).await();
        } finally {
            slots.release();
        }
    }
}
