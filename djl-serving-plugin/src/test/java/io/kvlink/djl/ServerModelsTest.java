// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import io.kvlink.djl.FakeServer.ModelInfo;
import io.kvlink.djl.FakeServer.ModelManager;
import io.kvlink.djl.http.FakeGenerator;
import io.kvlink.djl.options.ModelOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServerModelsTest {

    private final Workers workers = new Workers();
    private final List<FakeGenerator> started = new ArrayList<>();

    // Runs while a model loads.
    private Runnable loading = () -> {};

    private final Engine engine =
            new KvLinkEngine(
                    (dir, name, options) -> {
                        FakeGenerator generator = new FakeGenerator("served");
                        generator.idle = true;
                        started.add(generator);
                        loading.run();
                        return generator;
                    },
                    workers,
                    new ModelOptions(Map.of(), false),
                    FakeServer.models());

    @TempDir private Path dir;

    @AfterEach
    void forgetAll() {
        ModelManager.getInstance().getEndpoints().clear();
    }

    @Test
    void shouldLeaveNothingOfAModelThatIsUnregisteredWhileItLoads() {
        ModelInfo info = register("m", null);
        loading = () -> ModelManager.unregister(info);
        assertThatThrownBy(() -> info.load(engine, () -> {}))
                .isInstanceOf(MalformedModelException.class)
                .hasMessage("model=m was unregistered while it loaded");
        assertThat(started.get(0).closed).isTrue();
        assertThat(workers.models()).isEmpty();
    }

    @Test
    void shouldNotTakeTheNextRegistrationOfTheNameForItsOwn() {
        ModelInfo info = register("m", null);
        loading =
                () -> {
                    ModelManager.unregister(info);
                    register("m", null);
                };
        assertThatThrownBy(() -> info.load(engine, () -> {}))
                .hasMessage("model=m was unregistered while it loaded");
        assertThat(started.get(0).closed).isTrue();
    }

    @Test
    void shouldLeaveNothingOfAModelThatIsUnregisteredBeforeTheServerHasIt() throws Exception {
        ModelInfo info = register("m", null);
        info.load(engine, () -> ModelManager.unregister(info));
        started.get(0).awaitClosed();
    }

    /** A registration stays, as one does that was asked for without waiting. */
    @Test
    void shouldLeaveNothingOfAModelThatTheServerGivesUpAfterItsLoad() {
        ModelInfo info = register("m", null);
        assertThatThrownBy(
                        () ->
                                info.load(
                                        engine,
                                        () -> {
                                            throw new IllegalStateException("no translator");
                                        }))
                .hasMessage("no translator");
        started.get(0).awaitClosed();
    }

    @Test
    void shouldNotEvenLoadAModelThatIsUnregisteredBefore() {
        ModelInfo info = new ModelInfo("m", null, dir);
        assertThatThrownBy(() -> info.load(engine, () -> {}))
                .isInstanceOf(MalformedModelException.class);
        assertThat(started).isEmpty();
    }

    @Test
    void shouldServeUntilTheServerClosesIt() throws Exception {
        ModelInfo info = register("m", null);
        Model model = info.load(engine, () -> {});
        assertThat(workers.models()).containsExactlyElementsOf(started);
        ModelManager.unregister(info);
        assertThat(started.get(0).closed).isTrue();
        model.close();
    }

    @Test
    void shouldTakeASecondVersionOfItsModelOnly() throws Exception {
        ModelInfo old = register("m", "1");
        old.load(engine, () -> {});
        ModelInfo next = register("m", "2");
        next.load(engine, () -> {});
        assertThat(workers.models()).containsExactly(started.get(1));

        ModelInfo other = register("n", "3");
        assertThatThrownBy(() -> other.load(engine, () -> {}))
                .hasMessageStartingWith("model_name=served is taken; ");

        ModelManager.unregister(old);
        assertThat(started.get(0).closed).isTrue();
        assertThat(started.get(1).announced).isTrue();
        ModelManager.unregister(next);
        assertThat(workers.models()).isEmpty();
    }

    @Test
    void shouldLeaveAloneWhatTheServerDoesNotLoad() throws Exception {
        register("m", null);
        try (Model model = engine.newModel("m", Device.cpu())) {
            model.load(dir);
            ModelManager.getInstance().getEndpoints().clear();
            assertThat(workers.models()).containsExactlyElementsOf(started);
        }
    }

    @Test
    void shouldServeWhereTheServerIsAnotherThanIsKnown() throws Exception {
        Engine elsewhere =
                new KvLinkEngine(
                        (dir, name, options) -> new FakeGenerator("served"),
                        workers,
                        new ModelOptions(Map.of(), false),
                        new ServerModels("no.such.Manager", ModelInfo.class.getName()));
        Model model = new ModelInfo("m", null, dir).load(elsewhere, () -> {});
        assertThat(workers.models()).hasSize(1);
        model.close();
        assertThat(workers.models()).isEmpty();
    }

    private ModelInfo register(String id, @Nullable String version) {
        ModelInfo info = new ModelInfo(id, version, dir);
        ModelManager.register(info);
        return info;
    }
}
