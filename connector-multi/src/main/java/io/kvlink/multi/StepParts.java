// SPDX-License-Identifier: Apache-2.0
package io.kvlink.multi;

import io.kvlink.spi.StepMetadata;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Work of a step for all parts in one. Its loads and saves are those of the parts, one after the
 * other. Its data says for each part how many of them are its own, and then that part's own data.
 */
final class StepParts {

    private static final int HEAD_BYTES = 3 * Integer.BYTES;

    private StepParts() {}

    /** One step's work of all parts, in their order. */
    static StepMetadata join(List<StepMetadata> parts) {
        if (parts.stream().allMatch(StepMetadata.EMPTY::equals)) {
            return StepMetadata.EMPTY;
        }
        List<StepMetadata.Task> loads = new ArrayList<>();
        List<StepMetadata.Task> saves = new ArrayList<>();
        List<byte[]> datas = parts.stream().map(StepMetadata::connectorData).toList();
        int bytes = datas.stream().mapToInt(own -> HEAD_BYTES + own.length).sum();
        ByteBuffer data = ByteBuffer.allocate(bytes);
        for (int i = 0; i < parts.size(); i++) {
            StepMetadata part = parts.get(i);
            byte[] own = datas.get(i);
            loads.addAll(part.loads());
            saves.addAll(part.saves());
            data.putInt(part.loads().size())
                    .putInt(part.saves().size())
                    .putInt(own.length)
                    .put(own);
        }
        return StepMetadata.of(loads, saves).withConnectorData(data.array());
    }

    /** Work of each part, as it was joined; a step without data has work for nobody. */
    static List<StepMetadata> split(StepMetadata step, int count) {
        ByteBuffer data = ByteBuffer.wrap(step.connectorData());
        List<StepMetadata> parts = new ArrayList<>();
        int load = 0;
        int save = 0;
        for (int i = 0; i < count; i++) {
            if (!data.hasRemaining()) {
                parts.add(StepMetadata.EMPTY);
                continue;
            }
            int loads = data.getInt();
            int saves = data.getInt();
            byte[] own = new byte[data.getInt()];
            data.get(own);
            parts.add(
                    StepMetadata.of(
                                    step.loads().subList(load, load + loads),
                                    step.saves().subList(save, save + saves))
                            .withConnectorData(own));
            load += loads;
            save += saves;
        }
        return parts;
    }
}
