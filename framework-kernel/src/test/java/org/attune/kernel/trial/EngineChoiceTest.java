package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.attune.kernel.plugins.Engines;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which engine computes where the spec names none. */
class EngineChoiceTest {
    private static final Logger LOG = Logger.getLogger(Engines.class.getName());
    private static final String NONE = "";

    @TempDir
    Path folder;

    private final List<String> warnings = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            warnings.add(entry.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };
    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(folder);
        LOG.addHandler(handler);
        LOG.setUseParentHandlers(false);
    }

    @AfterEach
    void close() {
        LOG.removeHandler(handler);
        LOG.setUseParentHandlers(true);
        lab.close();
    }

    private String spec(Path run) throws IOException {
        return Files.readString(run.resolve("spec.yaml"));
    }

    @Test
    void whereNoNativeEngineWorksTheReferenceEngineDoesAndOneLineSaysSo() throws IOException {
        Path run = lab.complete("engine", NONE).folder();

        assertThat(spec(run)).contains("engine: reference");
        assertThat(warnings).singleElement().asString().contains("reference engine", "slowly", "PLATFORMS.md");
    }

    @Test
    void theFastestIsTakenWithoutAWord() throws IOException {
        lab.engines.add(0, named("quick", lab.engine));

        assertThat(spec(lab.complete("engine", NONE).folder())).contains("engine: quick");
        assertThat(spec(lab.complete("engine", "reference").folder())).contains("engine: reference");
        assertThat(warnings).isEmpty();
    }

    @Test
    void blocksAreRefusedWhereTheEngineKeepsNone() {
        lab.engines.add(0, named("plain", lab.engine));
        assertThatThrownBy(() -> lab.start("engine", "plain", "weights", "blocks"))
                .isInstanceOf(UserError.class)
                .hasMessage("weights: engine 'plain' keeps nothing in blocks, as blocks does; choose decoded, or the"
                        + " engine cpu");
    }

    private static TensorEngine named(String name, TensorEngine engine) {
        return (TensorEngine) Proxy.newProxyInstance(
                TensorEngine.class.getClassLoader(),
                new Class<?>[] {TensorEngine.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "name" -> name;
                    case "blockTypes" -> Set.of();
                    case "equals" -> proxy == arguments[0];
                    default -> method.invoke(engine, arguments);
                });
    }
}
