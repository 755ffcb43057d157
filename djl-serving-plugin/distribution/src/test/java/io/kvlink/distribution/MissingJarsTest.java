// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages for a user who copied not all of the archive's plugins. */
class MissingJarsTest {

    private static final String TRANSFER =
            "{\"kv_connector\":\"P2pNcclConnector\",\"kv_role\":\"kv_consumer\",\"kv_port\":0}";

    @TempDir private static Path dir;
    private static Installation installed;

    @BeforeAll
    static void unpack() throws Exception {
        installed = Installation.unpack(Files.createDirectory(dir.resolve("archive")));
    }

    @Test
    void shouldNameTheConnectorsJar() {
        assertThatThrownBy(() -> start("kvlink-connector-p2p-nccl"))
                .hasMessageContaining("kv_connector=P2pNcclConnector known=[SharedStoreConnector]")
                .hasMessageContaining("put the jar kvlink-connector-p2p-nccl");
    }

    @Test
    void shouldNameTheClassOfAMissingLibrary() {
        assertThatThrownBy(() -> start("jeromq"))
                .hasMessageContaining("class=org/zeromq/")
                .hasMessageContaining("copy every jar");
    }

    @Test
    void shouldWorkWithoutThePoolAndNameItsJar() throws Exception {
        try (Child host = start("kvlink-tensor-pool")) {
            assertThat(host.http()).isNotEmpty();
            assertThat(Files.readString(dir.resolve("kvlink-tensor-pool.log")))
                    .contains("hostPool=none")
                    .contains("kvlink-tensor-pool's jar would add host memory");
        }
    }

    @Test
    void shouldNameAClassOfTheDriversCalls() {
        assertThatThrownBy(() -> start("kvlink-cuda-driver"))
                .hasMessageContaining("NoClassDefFoundError: io/kvlink/cuda/");
    }

    private static Child start(String without) throws Exception {
        Path plugins = Files.createDirectory(dir.resolve("without-" + without));
        int copied = 0;
        for (Path jar : installed.jars("plugins")) {
            String name = jar.getFileName().toString();
            if (!name.startsWith(without + "-")) {
                Files.createSymbolicLink(plugins.resolve(name), jar);
                copied++;
            }
        }
        if (copied != installed.jars("plugins").size() - 1) {
            throw new IOException(without + " is not one jar of the archive");
        }
        return Installation.host(
                plugins,
                dir.resolve(without + ".log"),
                List.of(
                        "--model-dir=" + installed.file("model"),
                        "--port=0",
                        "-O",
                        "kv_cache_tokens=256",
                        "-O",
                        "kv_transfer_config=" + TRANSFER));
    }
}
