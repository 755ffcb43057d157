// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * A real server, with the jars beside the plugin, has these packages and no others. A class from
 * anywhere else compiles here and is missing there.
 */
class VisibleClassesTest {

    private static final Pattern VISIBLE =
            Pattern.compile(
                    "java/.*|javax/.*"
                            + "|ai/djl/(?!serving/).*|ai/djl/serving/plugins/RequestHandler"
                            + "|io/netty/.*|org/slf4j/.*|com/google/gson/.*|com/sun/jna/.*"
                            + "|io/prometheus/metrics/(core|model|config|expositionformats)/.*"
                            + "|org/zeromq/.*|org/msgpack/core/.*"
                            + "|io/kvlink/(spi|cuda|http|zmq|djl)/.*");

    private static final Pattern OBJECT = Pattern.compile("L([\\w/$]+);");

    @Test
    void shouldReferToClassesOfTheServerOnly() throws Exception {
        TreeMap<String, Path> strangers = new TreeMap<>();
        int classes = 0;
        for (Path file : classFiles()) {
            classes++;
            for (String name : referenced(Files.readAllBytes(file))) {
                if (!VISIBLE.matcher(name).matches()) {
                    strangers.put(name, file.getFileName());
                }
            }
        }
        assertThat(classes).isGreaterThan(30);
        assertThat(strangers).isEmpty();
    }

    @Test
    void shouldFindTheClassesOfAClassFile() throws Exception {
        byte[] own;
        try (var in = VisibleClassesTest.class.getResourceAsStream("VisibleClassesTest.class")) {
            own = in.readAllBytes();
        }
        assertThat(referenced(own))
                .contains(
                        "java/util/TreeMap",
                        "org/assertj/core/api/MapAssert",
                        "java/io/DataInputStream");
    }

    private static List<Path> classFiles() throws Exception {
        URI classes =
                KvLinkPlugin.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        try (Stream<Path> files = Files.walk(Path.of(classes))) {
            return files.filter(file -> file.toString().endsWith(".class")).toList();
        }
    }

    /**
     * Class names in the constant pool: those named as classes, and those of descriptors. Names of
     * annotations alone aren't among the first, and a JVM doesn't miss them.
     */
    private static List<String> referenced(byte[] classFile) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(classFile));
        in.skipNBytes(8);
        int count = in.readUnsignedShort();
        String[] texts = new String[count];
        List<Integer> classNames = new ArrayList<>();
        List<Integer> descriptors = new ArrayList<>();
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1 -> texts[i] = in.readUTF();
                case 7 -> classNames.add(in.readUnsignedShort());
                case 16 -> descriptors.add(in.readUnsignedShort());
                case 8, 19, 20 -> in.skipNBytes(2);
                case 12 -> {
                    in.skipNBytes(2);
                    descriptors.add(in.readUnsignedShort());
                }
                case 15 -> in.skipNBytes(3);
                case 3, 4, 9, 10, 11, 17, 18 -> in.skipNBytes(4);
                case 5, 6 -> {
                    in.skipNBytes(8);
                    i++;
                }
                default -> throw new IOException("constant pool tag " + tag);
            }
        }
        List<String> names = new ArrayList<>();
        for (int index : classNames) {
            String name = texts[index];
            if (name.startsWith("[")) {
                addObjects(name, names);
            } else {
                names.add(name);
            }
        }
        descriptors.forEach(index -> addObjects(texts[index], names));
        return names;
    }

    private static void addObjects(String descriptor, List<String> names) {
        Matcher objects = OBJECT.matcher(descriptor);
        while (objects.find()) {
            names.add(objects.group(1));
        }
    }
}
