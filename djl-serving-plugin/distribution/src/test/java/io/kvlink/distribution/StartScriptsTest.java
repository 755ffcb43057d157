// SPDX-License-Identifier: Apache-2.0
package io.kvlink.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scripts of the archive, with a DJL Serving that only tells what it was asked. */
class StartScriptsTest {

    private static final String SERVER =
            """
            #!/bin/sh
            {
                echo "pid=$$"
                echo "arguments=$*"
                echo "address=$SERVING_INFERENCE_ADDRESS"
                echo "management=$SERVING_MANAGEMENT_ADDRESS"
                echo "plugins=$SERVING_PLUGIN_FOLDER"
                echo "transfer=$OPTION_KV_TRANSFER_CONFIG"
            } > "$TOLD"
            """;

    private record Run(long pid, int exitCode, String errors, Properties told) {}

    @TempDir private static Path dir;
    private static Installation installed;

    private final Path home = dir.resolve("djl serving");

    @BeforeAll
    static void unpack() throws Exception {
        installed = Installation.unpack(Files.createDirectory(dir.resolve("archive")));
    }

    @BeforeEach
    void makeServer() throws Exception {
        Path script = Files.createDirectories(home.resolve("bin")).resolve("serving");
        Files.writeString(script, SERVER);
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void shouldBecomeAServerWithTheRolesConnector() throws Exception {
        Path model = installed.file("model");
        for (String role : List.of("prefill", "decode")) {
            Run run = run(Map.of("KVLINK_PROXY", "10.1.2.3:444"), role, model, "8101", "8102");
            assertThat(run.errors()).isEmpty();
            assertThat(run.exitCode()).isZero();
            Properties told = run.told();
            // Signals sent to the process that was started reach the server.
            assertThat(told.getProperty("pid")).isEqualTo(Long.toString(run.pid()));
            assertThat(told.getProperty("arguments"))
                    .isEqualTo("-m base_model=file://" + model.toRealPath() + "/");
            assertThat(told.getProperty("address")).isEqualTo("http://127.0.0.1:8101");
            assertThat(told.getProperty("management")).isEqualTo("http://127.0.0.1:8101");
            assertThat(told.getProperty("plugins"))
                    .isEqualTo(installed.file("plugins").toRealPath().toString());
            JsonObject transfer =
                    JsonParser.parseString(told.getProperty("transfer")).getAsJsonObject();
            assertThat(transfer.get("kv_role").getAsString())
                    .isEqualTo(role.equals("prefill") ? "kv_producer" : "kv_consumer");
            assertThat(transfer.get("kv_ip").getAsString()).isEqualTo("127.0.0.1");
            assertThat(transfer.get("kv_port").getAsInt()).isEqualTo(8102);
            JsonObject extra = transfer.getAsJsonObject("kv_connector_extra_config");
            assertThat(extra.get("http_port").getAsInt()).isEqualTo(8101);
            assertThat(extra.get("proxy_ip").getAsString()).isEqualTo("10.1.2.3");
            assertThat(extra.get("proxy_port").getAsInt()).isEqualTo(444);
        }
    }

    @Test
    void shouldAnnounceThePluginsOwnPort() throws Exception {
        for (String address : List.of("127.0.0.1:8103", "http://127.0.0.1:8103/")) {
            Run run =
                    run(
                            Map.of(
                                    "SERVING_KVLINK_ADDRESS",
                                    address,
                                    "SERVING_MANAGEMENT_ADDRESS",
                                    "http://127.0.0.1:8104"),
                            "decode",
                            installed.file("model"),
                            "8101");
            assertThat(run.told().getProperty("address")).isEqualTo("http://127.0.0.1:8101");
            assertThat(run.told().getProperty("management")).isEqualTo("http://127.0.0.1:8104");
            JsonObject transfer =
                    JsonParser.parseString(run.told().getProperty("transfer")).getAsJsonObject();
            JsonObject extra = transfer.getAsJsonObject("kv_connector_extra_config");
            assertThat(extra.get("http_port").getAsInt()).isEqualTo(8103);
        }
    }

    @Test
    void shouldLeaveTheConnectorOfAConfigurationAlone() throws Exception {
        Run decode = run(Map.of(), "decode", installed.file("configs/1p1d/decode1"), "20002");
        assertThat(decode.told().getProperty("transfer")).isEmpty();
        assertThat(decode.told().getProperty("arguments")).contains("/configs/1p1d/decode1/");
        Run aggregated = run(Map.of(), "aggregated", installed.file("model"));
        assertThat(aggregated.told().getProperty("transfer")).isEmpty();
        assertThat(aggregated.told().getProperty("address")).isEqualTo("http://127.0.0.1:8080");
    }

    @Test
    void shouldUsePluginsThatWereCopiedIntoTheServer() throws Exception {
        Path folder = Files.createDirectories(home.resolve("plugins"));
        Path jar = Files.createFile(folder.resolve("kvlink-djl-serving-plugin-1.jar"));
        try {
            Run run = run(Map.of(), "aggregated", installed.file("model"));
            assertThat(run.told().getProperty("plugins")).isEmpty();
        } finally {
            Files.delete(jar);
        }
    }

    @Test
    void shouldSayWhatIsWrong() throws Exception {
        assertThat(run(Map.of(), "prefill").errors())
                .startsWith("usage: prefill MODEL_DIR [HTTP_PORT [KV_PORT]]");
        assertThat(run(Map.of(), "aggregated", dir).errors())
                .contains("serving.properties isn't there", "engine=KvLink");
        Run noServer =
                run(Map.of("DJL_SERVING_HOME", dir.toString()), "decode", installed.file("model"));
        assertThat(noServer.errors()).contains("DJL_SERVING_HOME=" + dir, "no bin/serving");
        assertThat(noServer.exitCode()).isEqualTo(2);
        assertThat(
                        run(Map.of("KVLINK_PROXY", "nowhere"), "decode", installed.file("model"))
                                .errors())
                .contains("KVLINK_PROXY=nowhere; expected HOST:PORT");
    }

    private Run run(Map<String, String> environment, String script, Object... arguments)
            throws Exception {
        List<String> command = new ArrayList<>();
        command.add(installed.file("bin/" + script).toString());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Path told = Files.createTempFile(dir, "told", ".properties");
        Path errors = Files.createTempFile(dir, "errors", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
        builder.environment().keySet().removeIf(key -> key.matches("(KVLINK|SERVING|OPTION)_.*"));
        builder.environment().remove("MODEL_SERVER_HOME");
        builder.environment().put("DJL_SERVING_HOME", home.toString());
        builder.environment().put("TOLD", told.toString());
        builder.environment().putAll(environment);
        Process process = builder.start();
        int exitCode = process.waitFor();
        Properties properties = new Properties();
        properties.load(Files.newBufferedReader(told));
        return new Run(process.pid(), exitCode, Files.readString(errors), properties);
    }
}
