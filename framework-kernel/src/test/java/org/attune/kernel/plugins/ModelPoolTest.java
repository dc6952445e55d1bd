package org.attune.kernel.plugins;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.attune.kernel.fake.TinyModel;
import org.attune.model.ModelLoader;
import org.attune.model.WeightForm;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ModelPoolTest {
    private static final Path BASE = Path.of("base");

    private final ReferenceEngine engine = new ReferenceEngine();
    private final ReferenceEngine other = new ReferenceEngine();
    private final List<TinyModel> loaded = new ArrayList<>();
    private final ModelLoader loader = (source, base, on, form) -> {
        if (source.startsWith("unknown")) {
            return Optional.empty();
        }
        loaded.add(new TinyModel(on, form.matrices()));
        return Optional.of(loaded.get(loaded.size() - 1));
    };
    private final ModelPool pool = new ModelPool();

    @BeforeEach
    void loader() {
        pool.add(loader);
    }

    @AfterEach
    void nothingIsLeft() {
        pool.close();
        assertThat(engine.stats().liveBytes() + other.stats().liveBytes()).isZero();
    }

    private ModelPool.Lease acquire(String source) {
        return pool.acquire(source, BASE, engine, WeightForm.decoded(engine.dtype()));
    }

    @Test
    void usersOfOneSourceOnOneEngineShareAModel() {
        try (ModelPool.Lease a = acquire("x:1");
                ModelPool.Lease b = acquire("x:1");
                ModelPool.Lease c = pool.acquire("x:1", BASE, other, WeightForm.decoded(other.dtype()))) {
            assertThat(a.model()).isSameAs(b.model()).isNotSameAs(c.model());
            assertThat(pool.list()).extracting(m -> m.users()).containsExactly(2, 1);
        }
        try (ModelPool.Lease again = acquire("x:1")) {
            assertThat(loaded).contains((TinyModel) again.model()).hasSize(2);
        }
    }

    @Test
    void eachPrecisionIsAModelOfItsOwn() {
        try (ModelPool.Lease wide = acquire("x:1");
                ModelPool.Lease narrow = pool.acquire("x:1", BASE, engine, WeightForm.decoded(DType.BFLOAT16))) {
            assertThat(narrow.model()).isNotSameAs(wide.model());
            assertThat(pool.list()).extracting(m -> m.type()).containsExactly("float64", "bfloat16");
        }
    }

    @Test
    void aLeaseIsGivenBackOnce() {
        ModelPool.Lease a = acquire("x:1");
        try (ModelPool.Lease b = acquire("x:1")) {
            a.close();
            a.close();
            assertThat(b.model()).isSameAs(loaded.get(0));
            assertThat(pool.list().get(0).users()).isEqualTo(1);
        }
    }

    @Test
    void pathsAreResolvedBeforeTheyAreCompared() {
        try (ModelPool.Lease a = acquire("m");
                ModelPool.Lease b = acquire("n/../m")) {
            assertThat(a.model()).isSameAs(b.model());
        }
    }

    @Test
    void anEnginesModelsGoWithIt() {
        acquire("x:1").close();
        pool.acquire("x:1", BASE, other, WeightForm.decoded(other.dtype())).close();
        pool.clear(engine);
        assertThat(loaded).extracting(TinyModel::closed).containsExactly(true, false);
    }

    @Test
    void aModelInUseIsFreedByItsLastUser() {
        ModelPool.Lease a = acquire("x:1");
        ModelPool.Lease b = acquire("x:1");
        pool.clear(engine);
        a.close();
        assertThat(loaded.get(0).closed()).isFalse();
        try (ModelPool.Lease fresh = acquire("x:1")) {
            assertThat(fresh.model()).isNotSameAs(b.model());
        }
        b.close();
        assertThat(loaded).extracting(TinyModel::closed).containsExactly(true, false);
    }

    @Test
    void aLoadersModelsGoWithIt() {
        acquire("x:1").close();
        pool.remove(loader);
        assertThat(loaded.get(0).closed()).isTrue();
        assertThat(pool.list()).isEmpty();
        assertThatThrownBy(() -> acquire("x:1")).isInstanceOf(UserError.class);
    }

    @Test
    void aSourceThatNobodyKnowsIsAMistake() {
        assertThatThrownBy(() -> acquire("unknown:x"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("model 'unknown:x': nothing here can load that");
        assertThat(pool.list()).isEmpty();
    }
}
