// SPDX-License-Identifier: Apache-2.0
package io.kvlink.p2p.internal.control;

import static io.kvlink.p2p.internal.control.FrameCodec.between;
import static io.kvlink.p2p.internal.control.FrameCodec.malformed;
import static io.kvlink.p2p.internal.control.FrameCodec.text;

import io.kvlink.p2p.internal.control.Frame.Identity;
import io.kvlink.p2p.internal.control.Frame.Plane;
import io.kvlink.spi.DType;
import io.kvlink.spi.HostPort;
import io.kvlink.spi.KvLayerGroup;
import io.kvlink.spi.KvLayout;
import io.kvlink.spi.KvLayout.AxisOrder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.msgpack.core.MessageBufferPacker;
import org.msgpack.core.MessageUnpacker;

/**
 * Identities in the form of version 3, which had one group of layers and no ranks beside it. The
 * rest stands where planes are listed: older nodes ignore planes that they don't know. So they get
 * as far as the protocol's number, and refuse that.
 *
 * <pre>
 *   plane "shape"  window, arrays, KV heads of the model, layers of each stage
 *   plane "group"  for each further group: layers, KV heads, head size, dtype, and as above
 * </pre>
 */
final class IdentityCodec {

    private static final String SHAPE = "shape";
    private static final String GROUP = "group";
    private static final int MAX_PLANES = 16;
    private static final int MAX_RANKS = 512;
    private static final int MAX_STAGES = 64;
    private static final int MAX_NUMBERS = MAX_STAGES + 8;

    /** Shape of a group's layers; the window is 0, and the rest as usual, where nothing is said. */
    private record Form(int layers, int kvHeads, int headSize, DType dtype, List<Integer> shape) {

        KvLayerGroup group(KvLayout.Builder builder) {
            if (!shape.isEmpty()) {
                builder.modelKvHeads(shape.get(2)).stageLayers(shape.subList(3, shape.size()));
            }
            boolean latent = !shape.isEmpty() && shape.get(1) == 1;
            KvLayout layout = latent ? builder.latent().build() : builder.build();
            List<Integer> numbers = IntStream.range(0, layers).boxed().toList();
            int window = shape.isEmpty() ? 0 : shape.get(0);
            return window == 0
                    ? KvLayerGroup.of(layout, numbers)
                    : KvLayerGroup.sliding(layout, numbers, window);
        }
    }

    private IdentityCodec() {}

    static void pack(MessageBufferPacker out, Identity identity) throws IOException {
        List<KvLayerGroup> groups = identity.groups();
        KvLayout layout = groups.get(0).layout();
        out.packString(identity.engineId()).packLong(identity.epoch());
        out.packString(identity.address().toString());
        out.packString(layout.model()).packInt(layout.layers()).packInt(layout.kvHeads());
        out.packInt(layout.headSize()).packString(layout.dtype().key());
        out.packString(AxisOrder.KV_FIRST.name()).packInt(layout.blockSize());
        out.packInt(layout.tpRank()).packInt(layout.tpSize());
        out.packInt(layout.ppRank()).packInt(layout.ppSize());
        out.packArrayHeader(groups.size() + identity.planes().size());
        out.packString(SHAPE).packString(shape(groups.get(0)));
        for (KvLayerGroup group : groups.subList(1, groups.size())) {
            KvLayout further = group.layout();
            String form =
                    "%d,%d,%d,%s,%s"
                            .formatted(
                                    further.layers(),
                                    further.kvHeads(),
                                    further.headSize(),
                                    further.dtype().key(),
                                    shape(group));
            out.packString(GROUP).packString(form);
        }
        for (Plane plane : identity.planes()) {
            out.packString(plane.name()).packString(plane.endpoint());
        }
        out.packInt(identity.chunkTokens());
    }

    private static String shape(KvLayerGroup group) {
        KvLayout layout = group.layout();
        return Stream.concat(
                        Stream.of(group.window(), layout.arrays(), layout.modelKvHeads()),
                        layout.stageLayers().stream())
                .map(String::valueOf)
                .collect(Collectors.joining(","));
    }

    /**
     * Reads an identity.
     *
     * @param in where it begins
     * @param chunked whether it says how prompts are cut
     */
    static Identity identity(MessageUnpacker in, boolean chunked) throws IOException {
        String engineId = text(in);
        long epoch = in.unpackLong();
        HostPort address = HostPort.parse(text(in));
        String model = text(in);
        int layers = between(in, 1, FrameCodec.MAX_LAYERS);
        int kvHeads = in.unpackInt();
        int headSize = in.unpackInt();
        DType dtype = dtype(text(in));
        AxisOrder.valueOf(text(in)); // Nobody asks for it.
        int blockSize = in.unpackInt();
        int tpRank = in.unpackInt();
        int tpSize = between(in, 1, MAX_RANKS);
        int ppRank = in.unpackInt();
        int ppSize = between(in, 1, MAX_STAGES);
        between(tpSize * ppSize, 1, MAX_RANKS);
        List<Form> forms = new ArrayList<>();
        forms.add(new Form(layers, kvHeads, headSize, dtype, List.of()));
        List<Plane> planes = new ArrayList<>();
        int count = between(in.unpackArrayHeader(), 0, MAX_PLANES);
        for (int i = 0; i < count; i++) {
            Plane plane = new Plane(text(in), text(in));
            List<String> numbers = Arrays.asList(plane.endpoint().split(",", MAX_NUMBERS));
            if (plane.name().equals(SHAPE)) {
                forms.set(0, new Form(layers, kvHeads, headSize, dtype, shape(numbers)));
            } else if (plane.name().equals(GROUP)) {
                forms.add(form(numbers));
                between(forms.size(), 1, FrameCodec.MAX_GROUPS);
            } else {
                planes.add(plane);
            }
        }
        int chunkTokens = chunked ? between(in, 0, Integer.MAX_VALUE) : 0;
        List<KvLayerGroup> groups = new ArrayList<>();
        for (Form form : forms) {
            groups.add(
                    form.group(
                            KvLayout.builder(
                                            model,
                                            form.layers,
                                            form.kvHeads,
                                            form.headSize,
                                            form.dtype,
                                            blockSize)
                                    .tensorParallel(tpRank, tpSize)
                                    .pipelineParallel(ppRank, ppSize)));
        }
        return new Identity(engineId, epoch, address, groups, chunkTokens, planes);
    }

    private static Form form(List<String> text) {
        if (text.size() < 4) {
            throw malformed("group=" + text, null);
        }
        return new Form(
                between(Integer.parseInt(text.get(0)), 1, FrameCodec.MAX_LAYERS),
                Integer.parseInt(text.get(1)),
                Integer.parseInt(text.get(2)),
                dtype(text.get(3)),
                shape(text.subList(4, text.size())));
    }

    private static List<Integer> shape(List<String> text) {
        if (text.size() < 4 || text.size() > MAX_STAGES + 3) {
            throw malformed("shape=" + text, null);
        }
        return text.stream().map(Integer::valueOf).toList();
    }

    private static DType dtype(String key) {
        for (DType dtype : DType.values()) {
            if (dtype.key().equals(key)) {
                return dtype;
            }
        }
        throw malformed("dtype=" + key, null);
    }
}
