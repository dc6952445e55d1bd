package org.attune.kernel.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.plugin.NoOptions;
import org.attune.plugin.Option;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.trial.Catalogue.OptionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionBinderTest {
    private static final Path BASE = Path.of("specs").toAbsolutePath();

    private final OptionBinder binder = new OptionBinder();

    enum Pooling {
        MEAN,
        FIRST_TOKEN
    }

    record Everything(
            @Option(value = "rank of the update", defaults = "8", min = 1)
            int rank,

            @Option(value = "a count", defaults = "10000000000")
            long count,

            @Option(value = "share of dropped activations", defaults = "0", min = 0, max = 1)
            double dropout,

            @Option(value = "scale by the root of the rank", defaults = "false")
            boolean rankStabilised,

            @Option(value = "a text", defaults = "") String prefix,

            @Option(value = "how tokens become one vector", defaults = "mean")
            Pooling pooling,

            @Option(value = "a file", defaults = "") Path file,

            @Option(value = "modules to adapt", defaults = "[query, value]")
            List<String> targets,

            @Option(value = "layers", defaults = "[]", min = 0)
            List<Integer> layers,

            @Option(value = "weights", defaults = "[0.5, 1]")
            List<Double> weights) {}

    private record Needed(@Option("the number of classes") int classes) {}

    private record Strict(
            @Option(value = "low", defaults = "0") int low,
            @Option(value = "high", defaults = "1") int high) {
        Strict {
            if (low > high) {
                throw new IllegalArgumentException("low must not be above high,\nfound " + low + " and " + high);
            }
            if (high > 100) {
                throw new UserError("high is far too high");
            }
            if (high == 99) {
                throw new UnsupportedOperationException("a bug");
            }
        }
    }

    private record Shared(
            @Option(value = "layers", defaults = "[]", min = 0)
            List<Integer> layers,

            @Option(value = "modules left alone", defaults = "[]")
            List<String> exclude) {}

    private record Grouped(
            @Option(value = "rank", defaults = "8") int rank,
            Shared shared,
            @Option(value = "alpha", defaults = "16") double alpha) {}

    @Test
    void optionsOfAGroupStandAmongTheOthers() {
        Grouped grouped = bind("{layers: [1, 2], alpha: 4}", Grouped.class);
        assertThat(grouped).isEqualTo(new Grouped(8, new Shared(List.of(1, 2), List.of()), 4));
        assertThat(binder.options(Grouped.class).stream().map(OptionInfo::name))
                .containsExactly("rank", "layers", "exclude", "alpha");
        assertThat(binder.describe(grouped))
                .isEqualTo(Map.of("rank", 8, "layers", List.of(1, 2), "exclude", List.of(), "alpha", 4.0));
        assertThatThrownBy(() -> bind("{shared: 1}", Grouped.class))
                .hasMessageContaining("has no option 'shared'")
                .hasMessageContaining("rank, layers, exclude, alpha");
    }

    private record Undeclared(int rank) {}

    private record BadDefault(
            @Option(value = "rank", defaults = "many") int rank) {}

    @Test
    void whatIsNotGivenHasItsDefault() {
        assertThat(bind("{}", Everything.class))
                .isEqualTo(new Everything(
                        8,
                        10_000_000_000L,
                        0,
                        false,
                        "",
                        Pooling.MEAN,
                        null,
                        List.of("query", "value"),
                        List.of(),
                        List.of(0.5, 1.0)));
        assertThat(bind("{rank: null}", Everything.class).rank()).isEqualTo(8);
    }

    private record Mapped(
            @Option(value = "ranks by name", defaults = "{}", min = 1)
            Map<String, Integer> ranks) {}

    @Test
    void mappingsKeepTheirOrder() {
        Mapped mapped = bind("{ranks: {b: 2, a: 1e1}}", Mapped.class);
        assertThat(mapped.ranks()).containsExactly(Map.entry("b", 2), Map.entry("a", 10));
        assertThat(binder.describe(mapped)).containsEntry("ranks", mapped.ranks());
        assertThat(bind("{}", Mapped.class).ranks()).isEmpty();
        assertThat(binder.options(Mapped.class).get(0).type()).isEqualTo("mapping to integers");
        assertThatThrownBy(() -> bind("{ranks: {a: 0}}", Mapped.class))
                .hasMessageContaining("ranks.a must be >= 1, found 0");
        assertThatThrownBy(() -> bind("{ranks: [1]}", Mapped.class))
                .hasMessageContaining("ranks: expected a mapping to integers >= 1, found a list");
    }

    @Test
    void everyTypeIsRead() {
        assertThat(bind(
                        "{rank: 4, count: 1e3, dropout: 1e-1, rank_stabilised: true, prefix: 12, pooling: first-token,"
                                + " file: ../a.txt, targets: key, layers: 3, weights: [1, 2e0]}",
                        Everything.class))
                .isEqualTo(new Everything(
                        4,
                        1000,
                        0.1,
                        true,
                        "12",
                        Pooling.FIRST_TOKEN,
                        BASE.resolveSibling("a.txt"),
                        List.of("key"),
                        List.of(3),
                        List.of(1.0, 2.0)));
        assertThat(bind("{pooling: FIRST_TOKEN}", Everything.class).pooling()).isEqualTo(Pooling.FIRST_TOKEN);
        assertThat(bind("{file: \"\"}", Everything.class).file()).isNull();
        assertThat(bind("{}", NoOptions.class)).isEqualTo(new NoOptions());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "{rnak: 4} | spec.yaml:1: adapter 'lora' has no option 'rnak', did you mean 'rank'? Options: rank, count, dropout, rank_stabilised, prefix, pooling, file, targets, layers, weights",
                "{rankStabilised: true} | spec.yaml:1: adapter 'lora' has no option 'rankStabilised', did you mean 'rank_stabilised'? Options: ",
                "{xyzzy: 4} | spec.yaml:1: adapter 'lora' has no option 'xyzzy'. Options: rank,",
                "{rank: 0} | spec.yaml:1: adapter 'lora': rank must be >= 1, found 0",
                "{dropout: 1.5} | spec.yaml:1: adapter 'lora': dropout must be >= 0 and <= 1, found 1.5",
                "{layers: [0, -1]} | spec.yaml:1: adapter 'lora': layers must be >= 0, found -1",
                "{rank: many} | spec.yaml:1: adapter 'lora': rank: expected a whole number >= 1, found 'many'",
                "{count: 1e30} | spec.yaml:1: adapter 'lora': count: expected a whole number, found '1e30'",
                "{count: 1e9999999999} | spec.yaml:1: adapter 'lora': count: expected a whole number, found '1e9999999999'",
                "{rank_stabilised: yes} | spec.yaml:1: adapter 'lora': rank_stabilised: expected true or false, found 'yes'",
                "{pooling: max} | spec.yaml:1: adapter 'lora': pooling: expected one of mean, first-token, found 'max'",
                "{prefix: {a: 1}} | spec.yaml:1: adapter 'lora': prefix: expected text, found a mapping",
                "{targets: [a, [b]]} | spec.yaml:1: adapter 'lora': targets: expected a list of text, found a list",
                "{targets: [a, null]} | spec.yaml:1: adapter 'lora': targets: expected a list of text, found nothing",
                "{layers: [a]} | spec.yaml:1: adapter 'lora': layers: expected a list of integers >= 0, found 'a'",
                "{\\n\\nrank: 0} | spec.yaml:3: adapter 'lora': rank must be >= 1, found 0",
            })
    void aMistakeGetsOneLine(String options, String message) {
        assertThatThrownBy(() -> bind(options.replace("\\n", "\n"), Everything.class))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(message)
                .message()
                .hasLineCount(1);
    }

    @Test
    void aMissingOptionIsExplained() {
        assertThatThrownBy(() -> bind("{}", Needed.class))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "spec.yaml:1: adapter 'lora': classes is missing: expected a whole number (the number of classes)");
        assertThatThrownBy(() -> bind("{rank: 1}", NoOptions.class))
                .isInstanceOf(UserError.class)
                .hasMessage("spec.yaml:1: adapter 'lora' has no option 'rank'. It has none.");
    }

    @Test
    void whatTheRecordRefusesIsTheUsersMistakeAndItsOwnFaultsAreNot() {
        assertThatThrownBy(() -> bind("{low: 3}", Strict.class))
                .isInstanceOf(UserError.class)
                .hasMessage("spec.yaml:1: adapter 'lora': low must not be above high, found 3 and 1");
        assertThatThrownBy(() -> bind("{high: 101}", Strict.class))
                .isInstanceOf(UserError.class)
                .hasMessage("spec.yaml:1: adapter 'lora': high is far too high");
        assertThatThrownBy(() -> bind("{high: 99}", Strict.class))
                .isInstanceOf(IllegalStateException.class)
                .hasCauseInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> bind("{}", Undeclared.class))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("Undeclared.rank lacks @Option");
        assertThatThrownBy(() -> bind("{}", BadDefault.class))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining(
                        "BadDefault, default of rank: adapter 'lora': rank: expected a whole number, found 'many'");
    }

    @Test
    void describedOptionsBindToTheSameRecord() {
        Everything options = new Everything(
                3,
                -1,
                0.25,
                true,
                "a: [b",
                Pooling.FIRST_TOKEN,
                Path.of("x").toAbsolutePath(),
                List.of("*"),
                List.of(1),
                List.of());

        Map<String, Object> described = binder.describe(options);

        assertThat(described)
                .containsEntry("pooling", "first-token")
                .containsEntry("rank", 3)
                .containsEntry("file", Path.of("x").toAbsolutePath().toString());
        assertThat(binder.bind(ref(SpecNode.of(described, "")), "adapter", Everything.class, BASE))
                .isEqualTo(options);
        Everything defaults = bind("{}", Everything.class);
        assertThat(binder.bind(ref(SpecNode.of(binder.describe(defaults), "")), "adapter", Everything.class, BASE))
                .isEqualTo(defaults);
    }

    @Test
    void helpShowsTypesDefaultsAndRanges() {
        assertThat(binder.options(Everything.class))
                .contains(
                        new OptionInfo("rank", "integer", "8", ">= 1", "rank of the update"),
                        new OptionInfo("dropout", "number", "0", ">= 0 and <= 1", "share of dropped activations"),
                        new OptionInfo(
                                "rank_stabilised", "true or false", "false", "", "scale by the root of the rank"),
                        new OptionInfo(
                                "pooling", "one of: mean, first-token", "mean", "", "how tokens become one vector"),
                        new OptionInfo("file", "path", "", "", "a file"),
                        new OptionInfo("targets", "list of text", "[query, value]", "", "modules to adapt"))
                .hasSize(10);
        assertThat(binder.options(Needed.class))
                .containsExactly(new OptionInfo("classes", "integer", null, "", "the number of classes"));
    }

    /** As from another bundle: its own class loader, package-private, only the API shared. */
    @Test
    void recordsOfOtherClassLoadersAreFilled() throws Exception {
        Class<? extends Record> foreign = new OneClassLoader()
                .define("org.attune.kernel.spec.ForeignOptions")
                .asSubclass(Record.class);
        assertThat(foreign.getClassLoader()).isNotSameAs(getClass().getClassLoader());

        Record bound = bind("{rank: 5}", foreign);

        assertThat(bound).isInstanceOf(foreign);
        assertThat(binder.describe(bound)).isEqualTo(Map.of("rank", 5));
    }

    private <R extends Record> R bind(String options, Class<R> type) {
        SpecNode node = YamlText.parse(options, "spec.yaml", line -> "spec.yaml:" + line)
                .orElseThrow();
        return binder.bind(ref(node), "adapter", type, BASE);
    }

    private static PluginRef ref(SpecNode options) {
        return new PluginRef("lora", Optional.empty(), options);
    }

    private static final class OneClassLoader extends ClassLoader {
        OneClassLoader() {
            super(Plugin.class.getClassLoader());
        }

        Class<?> define(String name) throws IOException {
            try (InputStream in = OptionBinderTest.class.getResourceAsStream("ForeignOptions.class")) {
                byte[] bytes = in.readAllBytes();
                return defineClass(name, bytes, 0, bytes.length);
            }
        }
    }
}

record ForeignOptions(
        @Option(value = "rank", defaults = "8", min = 1) int rank) {}
