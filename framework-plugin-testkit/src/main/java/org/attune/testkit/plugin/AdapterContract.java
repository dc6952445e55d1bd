package org.attune.testkit.plugin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.attune.kernel.merge.MergedWeights;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.Course;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.junit.jupiter.api.DynamicTest;

/**
 * What every adapter promises, as tests of JUnit 5:
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> keepsTheContract() {
 *     return AdapterContract.of(new ScaleShift(), new ScaleShiftOptions(List.of("query"))).tests();
 * }
 * }</pre>
 *
 * The adapter is attached to {@link TinyTransformer} and trained by the kernel's own code, in float64. That it computes what its
 * paper says is for a trace to show ({@code attune replay}).
 */
public final class AdapterContract<O extends Record> {
    private static final Course COURSE = new Course(8, 4);
    /** Elements of a parameter that are compared with differences. */
    private static final int ELEMENTS = 24;

    private final Adapter<O> adapter;
    private final O options;
    private Function<TensorEngine, Model> model = TinyTransformer::new;
    private boolean identity = true;
    private boolean merges = true;
    private Predicate<String> constants = name -> false;

    private AdapterContract(Adapter<O> adapter, O options) {
        this.adapter = adapter;
        this.options = options;
    }

    /** @param options such that all of the method takes part */
    public static <O extends Record> AdapterContract<O> of(Adapter<O> adapter, O options) {
        return new AdapterContract<>(adapter, options);
    }

    /** On another model. */
    public AdapterContract<O> on(Function<TensorEngine, Model> other) {
        model = other;
        return this;
    }

    /** For a method whose first values change what the model computes. */
    public AdapterContract<O> startsElsewhere() {
        identity = false;
        return this;
    }

    /** For a method that is no linear map, so that merging it has to be refused. */
    public AdapterContract<O> isNotMerged() {
        merges = false;
        return this;
    }

    /** For parameters whose gradient leaves out a part, as the method defines it: it is not compared with differences. */
    public AdapterContract<O> definesTheGradientOf(Predicate<String> parameters) {
        constants = parameters;
        return this;
    }

    /** The tests, by what they promise. */
    public Stream<DynamicTest> tests() {
        return Stream.of(
                dynamicTest("options survive a spec", this::optionsSurviveASpec),
                dynamicTest(
                        identity ? "starts from the base model" : "changes the base model from the start",
                        this::starts),
                dynamicTest("gradients are those of finite differences", this::gradients),
                dynamicTest("sequences do not see each other", this::sequences),
                dynamicTest("what is saved computes the same when it is loaded", this::savedAndLoaded),
                dynamicTest("a configuration is read as it was written", this::configuration),
                dynamicTest(merges ? "merged weights do the same" : "merging is refused", this::merged),
                dynamicTest("a resumed run goes on to the last bit", this::resumed),
                dynamicTest("a swap of the code changes nothing", this::swapped),
                dynamicTest("it composes with another adapter, before and after it", this::composed),
                dynamicTest("it composes with one more of its kind, each by its name", this::twice));
    }

    private AdapterBench bench() {
        return new AdapterBench(model).attach(adapter, options);
    }

    private void optionsSurviveASpec() {
        OptionBinder binder = new OptionBinder();
        PluginRef ref = PluginRef.named("adapter").withOptions(binder.describe(options));
        assertThat((Object) binder.bind(ref, "adapter", adapter.options(), Path.of("")))
                .isEqualTo(options instanceof NoOptions ? new NoOptions() : options);
    }

    private void starts() {
        try (AdapterBench bench = bench()) {
            if (identity) {
                assertClose(bench.hidden(), bench.bareHidden(), 1e-12);
            } else {
                assertThat(bench.hidden()).isNotEqualTo(bench.bareHidden());
            }
        }
    }

    private void gradients() {
        try (AdapterBench bench = bench()) {
            bench.stir();
            compareGradients(bench);
        }
    }

    private void compareGradients(AdapterBench bench) {
        Map<String, double[]> gradients = bench.gradients();
        assertThat(gradients).as("what is trained").isNotEmpty();
        boolean reached = false;
        for (Map.Entry<String, double[]> of : gradients.entrySet()) {
            double[] gradient = of.getValue();
            reached |= !Arrays.equals(gradient, new double[gradient.length]);
            String name = of.getKey();
            if (constants.test(name.substring(name.indexOf(':') + 1))) {
                continue;
            }
            Tensor t = bench.parameters().all().get(of.getKey());
            double[] at = t.toDoubles();
            int stride = Math.max(1, gradient.length / ELEMENTS);
            for (int i = 0; i < gradient.length; i += stride) {
                assertThat(gradient[i])
                        .as("%s[%d]", of.getKey(), i)
                        .isCloseTo(bench.slope(t, at, i), offset(2e-5 * (1 + Math.abs(gradient[i]))));
            }
        }
        assertThat(reached).as("a gradient that is not 0").isTrue();
    }

    private void sequences() {
        try (AdapterBench bench = bench()) {
            bench.stir();
            assertThat(bench.hiddenOfSecond(1, 4, 3)).isEqualTo(bench.hiddenOfSecond(2, 0, 4));
        }
    }

    private void savedAndLoaded() {
        try (AdapterBench trained = bench()) {
            trained.stir();
            Map<String, double[]> saved = trained.saved(adapter, options);
            try (AdapterBench loaded = new AdapterBench(model, saved, Map.of()).attach(adapter, options)) {
                assertThat(loaded.parameters().unclaimed()).isEmpty();
                assertThat(loaded.hidden()).isEqualTo(trained.hidden());
            }
        }
    }

    private void configuration() {
        Optional<Adapter.PeftFormat<O>> format = adapter.peft();
        if (format.isEmpty()) {
            return; // the folder then names the adapter and its options, which survive
        }
        try (AdapterBench bench = bench()) {
            Map<String, Object> config = format.get().write(options, bench.model());
            assertThat((Object) format.get().read(config)).isEqualTo(options);
            Map<String, Object> unknown = new HashMap<>(config);
            unknown.put("a_field_of_next_year", 1);
            assertThatThrownBy(() -> format.get().read(unknown))
                    .isInstanceOf(Adapter.UnsupportedMethod.class)
                    .hasMessageContaining("a_field_of_next_year=1");
        }
    }

    private void merged() {
        try (AdapterBench bench = bench()) {
            bench.stir();
            double[] adapted = bench.hidden();
            MergedWeights weights = new MergedWeights(bench.model(), bench.parameters(), bench.wiring());
            TensorEngine engine =
                    bench.model().weights().values().iterator().next().engine();
            if (!merges) {
                assertThatThrownBy(() -> weights.changed(engine)).isInstanceOf(UserError.class);
                return;
            }
            Map<String, Tensor> changed = weights.changed(engine);
            assertThat(changed).isNotEmpty();
            changed.forEach((name, t) -> {
                bench.model().weights().get(name).set(t.toDoubles());
                bench.parameters().find(name).ifPresent(own -> own.set(t.toDoubles()));
                t.close();
            });
            assertClose(bench.bareHidden(), adapted, 1e-11);
        }
    }

    private void resumed() {
        Map<String, double[]> undisturbed;
        try (AdapterBench bench = bench()) {
            undisturbed = bench.train(COURSE, 0, COURSE.steps(), AdapterBench.Saved.nothing())
                    .values();
        }
        AdapterBench.Saved half;
        try (AdapterBench first = bench()) {
            half = first.train(COURSE, 0, 3, AdapterBench.Saved.nothing());
        }
        try (AdapterBench second = new AdapterBench(model, half.values(), half.states()).attach(adapter, options)) {
            assertSame(second.train(COURSE, 3, COURSE.steps(), half).values(), undisturbed);
        }
    }

    private void swapped() {
        try (AdapterBench undisturbed = bench();
                AdapterBench bench = bench()) {
            AdapterBench.Saved half = bench.train(COURSE, 0, 3, AdapterBench.Saved.nothing());
            double[] before = bench.hidden();
            assertThat(bench.swap(adapter, options))
                    .as("what is asked for otherwise")
                    .isEmpty();
            assertThat(bench.hidden()).isEqualTo(before);
            assertSame(
                    bench.train(COURSE, 3, COURSE.steps(), half).values(),
                    undisturbed
                            .train(COURSE, 0, COURSE.steps(), AdapterBench.Saved.nothing())
                            .values());
        }
    }

    private void composed() {
        for (boolean first : List.of(true, false)) {
            try (AdapterBench both = new AdapterBench(model)) {
                if (first) {
                    both.attach(adapter, options).attach(new Shift(), new NoOptions());
                } else {
                    both.attach(new Shift(), new NoOptions()).attach(adapter, options);
                }
                if (identity) {
                    assertClose(both.hidden(), both.bareHidden(), 1e-12);
                }
                both.stir();
                compareGradients(both);
            }
        }
    }

    private void twice() {
        Map<String, double[]> saved = new HashMap<>();
        double[] hidden;
        try (AdapterBench both = new AdapterBench(model)) {
            both.attach(adapter, options, "first").attach(adapter, options, "second");
            if (identity) {
                assertClose(both.hidden(), both.bareHidden(), 1e-12);
            }
            both.stir();
            compareGradients(both);
            both.train(COURSE, 0, 2, AdapterBench.Saved.nothing());
            both.parameters().all().forEach((name, t) -> saved.put(name, t.toDoubles()));
            hidden = both.hidden();
        }
        try (AdapterBench loaded = new AdapterBench(model, saved, Map.of())) {
            loaded.attach(adapter, options, "first").attach(adapter, options, "second");
            assertThat(loaded.parameters().unclaimed()).isEmpty();
            assertThat(loaded.hidden()).isEqualTo(hidden);
        }
    }

    private static void assertSame(Map<String, double[]> ours, Map<String, double[]> expected) {
        assertThat(ours.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, values) -> assertThat(ours.get(name)).as(name).isEqualTo(values));
    }

    private static void assertClose(double[] ours, double[] expected, double allowed) {
        assertThat(ours).hasSameSizeAs(expected);
        for (int i = 0; i < ours.length; i++) {
            assertThat(ours[i]).as("element %d", i).isCloseTo(expected[i], offset(allowed));
        }
    }

    /** The plainest other adapter: a vector that is added to the output of each linear map. */
    private static final class Shift implements Adapter<NoOptions> {
        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public void attach(NoOptions none, Attachment on) {
            List<AttachPoint> maps = new ArrayList<>(on.allLinear());
            for (AttachPoint map : maps) {
                Tensor shift =
                        on.parameter(map.path() + ".contract_shift", Shape.of(map.out()), Initializer.constant(0));
                on.linear(map.path(), (forward, x, inner) -> inner.apply(x).add(shift));
            }
        }
    }
}
