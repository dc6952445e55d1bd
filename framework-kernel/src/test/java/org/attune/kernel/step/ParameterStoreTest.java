package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import org.attune.kernel.fake.TinyModel;
import org.attune.kernel.spec.AdapterScope;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Initializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ParameterStoreTest {
    private static final Shape TWO = Shape.of(2);
    private static final Shape THREE = Shape.of(3);
    private static final Initializer RANDOM = Initializer.normal(1);

    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final ParameterStore store = new ParameterStore(engine, model, 9);

    /** Whatever was claimed, rightly or not. */
    @AfterEach
    void nothingIsLeft() {
        store.close();
        model.close();
        assertThat(engine.stats().liveBytes()).isZero();
    }

    private ParameterStore.Claim first() {
        return store.claim(Optional.empty());
    }

    @Test
    void theFirstValueDependsOnSeedAndNameAlone() {
        double[] a = first().parameter("a", TWO, RANDOM).toDoubles();
        double[] b = first().parameter("b", TWO, RANDOM).toDoubles();
        assertThat(a).isNotEqualTo(b);
        try (ParameterStore other = new ParameterStore(engine, model, 9);
                ParameterStore reseeded = new ParameterStore(engine, model, 10)) {
            ParameterStore.Claim claim = other.claim(Optional.empty());
            assertThat(claim.parameter("b", TWO, RANDOM).toDoubles()).isEqualTo(b);
            assertThat(claim.parameter("a", TWO, RANDOM).toDoubles()).isEqualTo(a);
            assertThat(reseeded.claim(Optional.empty())
                            .parameter("a", TWO, RANDOM)
                            .toDoubles())
                    .isNotEqualTo(a);
        }
    }

    @Test
    void aTrainedWeightIsACopyOfTheModels() {
        Tensor copy = first().train("tiny.layer.0.query.bias");
        Tensor base = model.weights().get("tiny.layer.0.query.bias");
        double[] values = base.toDoubles();
        assertThat(copy.toDoubles()).isEqualTo(values);
        assertThat(copy.requiresGradient()).isTrue();
        copy.set(1, 2, 3, 4);
        assertThat(base.toDoubles()).isEqualTo(values);
        assertThat(store.count()).isEqualTo(4);
    }

    @Test
    void aWeightThatTheModelLacksIsAnErrorWithNearNames() {
        assertThatThrownBy(() -> first().train("tiny.layer.7.query.bias"))
                .isInstanceOf(UserError.class)
                .hasMessage("the model has no weight 'tiny.layer.7.query.bias'; the nearest names are "
                        + "tiny.layer.0.query.bias");
    }

    @Test
    void twoPluginsMayShareAParameterButNotDisagreeOnIt() {
        Tensor a = first().parameter("a", TWO, RANDOM);
        assertThat(first().parameter("a", TWO, RANDOM)).isSameAs(a);
        assertThatThrownBy(() -> first().parameter("a", THREE, RANDOM))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("'a' is claimed with shape [3] and with shape [2]");
    }

    @Test
    void aSuccessorFindsWhatItsPredecessorMade() {
        Tensor a = first().parameter("a", TWO, RANDOM);
        a.set(5, 6);
        ParameterStore.Claim successor = store.claim(Optional.of(Map.of("a", TWO)));
        assertThat(successor.parameter("a", TWO, Initializer.constant(0))).isSameAs(a);
        assertThat(a.toDoubles()).containsExactly(5, 6);
        assertThat(successor.differences()).isEmpty();
    }

    @Test
    void allDifferencesOfASuccessorAreListedAndTheStoreIsAsItWas() {
        ParameterStore.Claim before = first();
        before.parameter("a", TWO, RANDOM);
        before.parameter("b", TWO, RANDOM);
        before.parameter("c", TWO, RANDOM);
        ParameterStore.Claim successor = store.claim(Optional.of(before.claimed()));
        successor.parameter("c", TWO, RANDOM);
        successor.parameter("b", THREE, RANDOM);
        successor.parameter("d", TWO, RANDOM);
        assertThat(successor.differences())
                .containsExactly("a [2]: no longer asked for", "b: was [2], is now [3]", "d [2]: new");
        assertThat(store.all()).containsOnlyKeys("a", "b", "c");
        assertThat(store.find("b").orElseThrow().shape()).isEqualTo(TWO);
    }

    @Test
    void whatIsFrozenIsKeptAndRestoredButNotTrained() {
        store.restore(Map.of("kept", new double[] {7, 8}), Map.of());
        ParameterStore.Claim claim = first();
        Tensor kept = claim.frozen("kept", TWO, RANDOM);
        Tensor trained = claim.parameter("trained", THREE, RANDOM);
        assertThat(kept.toDoubles()).containsExactly(7, 8);
        assertThat(store.all()).containsOnlyKeys("kept", "trained");
        assertThat(store.trained()).containsExactly(Map.entry("trained", trained));
        assertThat(store.count()).isEqualTo(3);
        assertThat(claim.claimed()).containsKeys("kept", "trained");
        assertThat(store.claim(Optional.of(claim.claimed())).frozen("kept", TWO, RANDOM))
                .isSameAs(kept);
    }

    @Test
    void restoredValuesTakeThePlaceOfFirstOnes() {
        store.restore(Map.of("a", new double[] {7, 8}, "b", new double[] {1}), Map.of("a", new double[] {3, 4}));
        assertThat(first().parameter("a", TWO, RANDOM).toDoubles()).containsExactly(7, 8);
        assertThat(store.start("a").toDoubles()).containsExactly(3, 4);
        assertThat(store.unclaimed()).containsExactly("b");
        assertThatThrownBy(() -> first().parameter("b", TWO, RANDOM))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there are 1 saved numbers for 'b', the plug-in asks for [2]");
    }

    @Test
    void theStartOfAParameterIsKept() {
        Tensor a = first().parameter("a", TWO, Initializer.constant(1));
        assertThat(store.start("a").toDoubles()).containsExactly(1, 1);
        a.set(2, 2);
        assertThat(store.start("a").toDoubles()).containsExactly(1, 1);
        assertThat(store.starts()).containsOnlyKeys("a");
    }

    @Test
    void whatIsSwitchedOffIsNotTrainedHoweverItIsFrozen() {
        ParameterStore.Claim claim = store.claim(Optional.empty(), new AdapterScope("first"));
        Tensor own = claim.parameter("a", TWO, RANDOM);
        assertThat(store.trained()).containsOnlyKeys("first:a");
        store.rest(claim.claimed().keySet(), true);
        assertThat(store.trained()).isEmpty();
        assertThat(own.requiresGradient()).isFalse();
        assertThat(store.all()).containsEntry("first:a", own);
        store.train("first:a", false);
        store.rest(claim.claimed().keySet(), false);
        assertThat(own.requiresGradient()).isFalse(); // as it was frozen meanwhile
        store.train("first:a", true);
        assertThat(own.requiresGradient()).isTrue();
        assertThat(store.trained()).containsOnlyKeys("first:a");
    }
}
