package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.testkit.plugin.AdapterBench;
import org.junit.jupiter.api.Test;

class FullTest {
    private static List<String> trainedWith(String... targets) {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Full(), new FullOptions(List.of(targets)))) {
            return List.copyOf(bench.parameters().all().keySet());
        }
    }

    @Test
    void trainsEveryWeightOfTheBaseFromItsOwnValue() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Full(), new FullOptions(List.of()))) {
            assertThat(bench.parameters().all().keySet())
                    .containsExactly(
                            "tiny.embeddings.weight",
                            "tiny.layer.0.query.weight",
                            "tiny.layer.0.query.bias",
                            "tiny.layer.1.value.weight",
                            "tiny.layer.1.value.bias");
            bench.parameters()
                    .all()
                    .forEach((name, t) -> assertThat(t.toDoubles())
                            .isEqualTo(bench.model().weights().get(name).toDoubles()));
            assertThat(bench.gradients().values()).allSatisfy(g -> assertThat(g).isNotEqualTo(new double[g.length]));
        }
    }

    @Test
    void theSharedWeightsStayAsTheyAre() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Full(), new FullOptions(List.of("query")))) {
            double[] before =
                    bench.model().weights().get("tiny.layer.0.query.weight").toDoubles();
            bench.stir();
            assertThat(bench.model().weights().get("tiny.layer.0.query.weight").toDoubles())
                    .isEqualTo(before);
        }
    }

    @Test
    void targetsNameWeightsModulesOrPatterns() {
        assertThat(trainedWith("bias")).containsExactly("tiny.layer.0.query.bias", "tiny.layer.1.value.bias");
        assertThat(trainedWith("query")).containsExactly("tiny.layer.0.query.weight", "tiny.layer.0.query.bias");
        assertThat(trainedWith("value.bias", "embeddings"))
                .containsExactly("tiny.embeddings.weight", "tiny.layer.1.value.bias");
        assertThat(trainedWith(".*\\.layer\\.1\\..*"))
                .containsExactly("tiny.layer.1.value.weight", "tiny.layer.1.value.bias");
    }

    @Test
    void aTargetThatMatchesNothingListsWhatThereIs() {
        assertThatThrownBy(() -> trainedWith("key"))
                .isInstanceOf(UserError.class)
                .hasMessage("full: target 'key' matches no weight; there are tiny.embeddings.weight, "
                        + "tiny.layer.N.query.weight, tiny.layer.N.query.bias, tiny.layer.N.value.weight, "
                        + "tiny.layer.N.value.bias");
    }

    @Test
    void headOnlyClaimsNothing() {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new HeadOnly(), new NoOptions())) {
            assertThat(bench.parameters().all()).isEmpty();
            assertThat(bench.hidden()).isEqualTo(bench.bareHidden());
        }
    }
}
