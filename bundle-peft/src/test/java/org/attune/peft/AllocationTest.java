package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.attune.kernel.step.Course;
import org.attune.plugin.UserError;
import org.attune.testkit.plugin.AdapterBench;
import org.attune.training.Adapter.Trained;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** AdaLoRA's pruning and AFLoRA's freezing, where the golden traces do not reach. */
class AllocationTest {
    private static final List<String> BOTH = List.of("query", "value");

    private static AdaloraOptions adalora(int target, double init, double end) {
        return new AdaloraOptions(3, target, 6, 0, init, end, 1, 0.8, 0.9, 0.5, BOTH, Selection.ALL, Map.of());
    }

    private static AfloraOptions aflora(double init, double end, int window) {
        AfloraOptions.Schedule cubic = AfloraOptions.Schedule.CUBIC;
        return new AfloraOptions(4, 1, 0, false, cubic, init, end, window, 0.85, 0.95, BOTH, Selection.ALL);
    }

    @Test
    void adaloraSavesTheTripletsThatAreLeft() {
        AdaloraOptions options = adalora(1, 1, 2);
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Adalora(), options)) {
            bench.train(new Course(6, 6));
            Trained trained =
                    new Trained(bench.parameters().all(), bench.parameters().states(), 6);
            AdaloraFormat format = new AdaloraFormat();
            double[] before = bench.hidden();
            Map<String, org.attune.tensor.Tensor> saved = format.tensors(options, trained);
            int ranks = saved.entrySet().stream()
                    .filter(e -> e.getKey().endsWith(".lora_E"))
                    .mapToInt(e -> e.getValue().shape().dim(0))
                    .sum();
            assertThat(ranks).isEqualTo(2); // of two maps, with a mean of 1
            Map<String, Object> config = format.write(options, bench.model(), trained);
            assertThat(config).containsEntry("total_step", 6L).containsEntry("tinit", 1L);
            AdaloraOptions read = format.read(config);
            assertThat(read.ranks().values().stream().mapToInt(i -> i).sum()).isEqualTo(2);
            try (AdapterBench again = AdapterBench.of(TinyModel::new, new Adalora(), read)) {
                again.parameters()
                        .all()
                        .forEach((name, t) -> t.set(saved.get(name).toDoubles()));
                assertThat(again.hidden()).isEqualTo(before);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "3, 0.1, 0.2, adalora: target_rank is 3 and init_rank 3",
        "1, 4, 6, adalora: t_init and t_final take 4 and 6 of the trial's 10 steps",
        "1, 0.5, 0.5, adalora: t_init and t_final take 5 and 5 of the trial's 10 steps"
    })
    void adaloraThatWouldNeverPruneIsRefused(int target, double init, double end, String message) {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Adalora(), adalora(target, init, end))) {
            assertThatThrownBy(() -> bench.train(new Course(10, 10)))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith(message);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0.3, 0.7, 2, aflora: t_init and t_final take 3 and 7 of the trial's 10 steps",
        "1, 2, 10, aflora: window is 10 and the trial has 10 steps"
    })
    void afloraThatWouldNeverFreezeIsRefused(double init, double end, int window, String message) {
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Aflora(), aflora(init, end, window))) {
            assertThatThrownBy(() -> bench.train(new Course(10, 10)))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith(message);
        }
    }

    @Test
    void afloraSaysWhenEachMatrixFroze() {
        AfloraOptions options = aflora(1, 4, 2);
        try (AdapterBench bench = AdapterBench.of(TinyModel::new, new Aflora(), options)) {
            bench.train(new Course(12, 12));
            Trained trained =
                    new Trained(bench.parameters().all(), bench.parameters().states(), 12);
            Object freezing =
                    new AfloraFormat().write(options, bench.model(), trained).get("freezing");
            assertThat((Map<?, ?>) freezing).hasSizeGreaterThan(1);
            assertThat(bench.parameters().trained())
                    .doesNotContainKeys(((Map<?, ?>) freezing)
                            .keySet().stream().map(String::valueOf).toArray(String[]::new));
        }
    }
}
