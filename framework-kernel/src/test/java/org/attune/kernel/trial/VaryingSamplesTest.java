package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.attune.tensor.Rng;
import org.attune.training.Sample;
import org.attune.trial.CacheStats;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An objective that reads its samples otherwise in each epoch, as masking does. */
class VaryingSamplesTest {
    @TempDir
    private Path folder;

    private Lab lab;
    /** What the loss saw of each example, in training. */
    private final Map<Long, Queue<String>> seen = new ConcurrentHashMap<>();

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
        lab.dropout = 0;
        lab.classes.varies = VaryingSamplesTest::shuffled;
        lab.classes.onLoss = batch -> {
            for (Sample sample : batch.samples()) {
                seen.computeIfAbsent(sample.example(), e -> new ConcurrentLinkedQueue<>())
                        .add(Arrays.toString(sample.ids()));
            }
        };
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private static Sample shuffled(Sample sample, Rng rng) {
        int[] ids = sample.ids().clone();
        for (int i = 0; i < ids.length; i++) {
            ids[i] = rng.below(8, i);
        }
        return new Sample(sample.example(), ids, sample.types(), sample.labels());
    }

    @Test
    void eachEpochReadsEachExampleAnew() {
        lab.complete();
        Set<String> distinct = new HashSet<>();
        seen.values().forEach(distinct::addAll);
        assertThat(seen).hasSize(20);
        assertThat(distinct).as("of 52 readings").hasSizeGreaterThan(30);
        assertThat(seen.values()).allSatisfy(readings -> assertThat(readings).hasSizeBetween(2, 3));
    }

    @Test
    void theSameSeedGivesTheSameRunAlsoWhereItWasInterrupted() {
        Path undisturbed = lab.complete().folder();
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(Lab.results(undisturbed));
        lab.atStep(7, Trial::stop);
        Trial stopped = Lab.ended(lab.start(), TrialState.SUSPENDED);
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(Lab.results(undisturbed));
        assertThat(Lab.results(lab.complete("seed", "6").folder())).isNotEqualTo(Lab.results(undisturbed));
    }

    /** Evaluations read the same samples each time, so that of them alone something can be kept. */
    @Test
    void onlyEvaluationsFindFrozenLayersKept() {
        Trial trial = lab.complete("adapters", "[]");
        assertThat(trial.cache()).isNotEqualTo(CacheStats.NONE);
        assertThat(trial.cache().hits()).isEqualTo(5 * 7);
        assertThat(Lab.results(trial.folder()))
                .isEqualTo(Lab.results(
                        lab.complete("adapters", "[]", "cache", "off").folder()));
    }
}
