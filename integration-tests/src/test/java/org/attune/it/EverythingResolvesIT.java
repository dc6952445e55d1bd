package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.Assume.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.inject.Inject;
import org.attune.evaluation.Score;
import org.attune.trial.Catalogue;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.wiring.BundleRevision;
import org.osgi.framework.wiring.FrameworkWiring;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;

/** The assembled system is whole, and trains. */
public class EverythingResolvesIT extends InFramework {
    @Inject
    ServiceComponentRuntime components;

    @Test
    public void everyBundleIsActive() {
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getSymbolicName().matches("org\\.jline|org\\.apache\\.felix\\.gogo\\..*")) {
                // The interactive shell starts it.
                assertThat(context.getBundle(0).adapt(FrameworkWiring.class).resolveBundles(List.of(bundle)))
                        .as("%s resolves", bundle)
                        .isTrue();
                continue;
            }
            boolean fragment = (bundle.adapt(BundleRevision.class).getTypes() & BundleRevision.TYPE_FRAGMENT) != 0;
            assertThat(bundle.getState())
                    .as("state of %s", bundle)
                    .isEqualTo(fragment ? Bundle.RESOLVED : Bundle.ACTIVE);
        }
    }

    @Test
    public void noComponentMissesAnything() {
        List<String> faulty = new ArrayList<>();
        for (ComponentDescriptionDTO component : components.getComponentDescriptionDTOs()) {
            for (ComponentConfigurationDTO c : components.getComponentConfigurationDTOs(component)) {
                if (c.state != ComponentConfigurationDTO.ACTIVE && c.state != ComponentConfigurationDTO.SATISFIED) {
                    faulty.add(component.name + ": state " + c.state + " "
                            + (c.failure == null ? List.of(c.unsatisfiedReferences) : c.failure));
                }
            }
        }
        assertThat(components.getComponentDescriptionDTOs()).hasSizeGreaterThan(10);
        assertThat(faulty).isEmpty();
    }

    @Test
    public void everyPluginEngineAndEntryIsThere() throws InvalidSyntaxException {
        assertThat(catalogue.plugins())
                .extracting(p -> p.kind() + " " + p.name())
                .contains(
                        "trainer classification",
                        "trainer causal-lm",
                        "adapter lora",
                        "adapter full",
                        "adapter head-only",
                        "regularizer l2-sp",
                        "data source wordnet-supersense",
                        "data source jsonl",
                        "data source csv",
                        "sampler shuffle",
                        "sampler sequential",
                        "metric accuracy",
                        "metric f1",
                        "metric precision",
                        "metric recall",
                        "metric mcc",
                        "metric kappa",
                        "metric log-loss",
                        "metric confusion",
                        "metric perplexity",
                        "baseline tfidf-logistic",
                        "baseline embedding-logistic");
        assertThat(catalogue.engines())
                .extracting(Catalogue.EngineInfo::name)
                .containsExactlyInAnyOrder("cpu", "nd4j", "reference");
        for (String service : List.of("(attune.main=true)", "(attune.shutdown=true)")) {
            assertThat(context.getAllServiceReferences(null, service))
                    .as(service)
                    .hasSize(1);
        }
    }

    @Test
    public void aModelOfRandomWeightsLearns() throws Exception {
        learns(new Lab(folder().resolve("tiny")), Map.of());
    }

    @Test
    public void theGoldenModelLearns() throws Exception {
        Path model = Path.of(System.getProperty("attune.shared"), "golden/models/bert");
        assumeTrue("no golden model in " + model, Files.isDirectory(model));
        learns(
                new Lab(folder().resolve("golden")),
                Map.of("model", model.toRealPath().toString()));
    }

    /** ND4J computes in another order and with other kernels, so its losses are close and not equal. */
    @Test
    public void theEnginesTrainAlike() throws Exception {
        Lab lab = new Lab(folder().resolve("engines"));
        Trial cpu = fewSteps(lab, "cpu");
        Trial nd4j = fewSteps(lab, "nd4j");
        List<Double> expected = losses(cpu);
        List<Double> actual = losses(nd4j);
        assertThat(actual).hasSize(10);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i)).as("step %d", i + 1).isCloseTo(expected.get(i), within(1e-4));
        }
        assertThat(Files.readString(nd4j.folder().resolve("spec.yaml"))).contains("engine: nd4j");
    }

    @Test
    public void aSpecWithoutEngineTakesTheFastest() throws Exception {
        Trial trial = fewSteps(new Lab(folder().resolve("fastest")), "");
        assertThat(Files.readString(trial.folder().resolve("spec.yaml"))).contains("engine: cpu");
    }

    private Trial fewSteps(Lab lab, String engine) throws Exception {
        Trial trial = trials.start(lab.specFile(), Map.of("engine", engine, "train.max_steps", "10"), false);
        assertThat(trial.await(Duration.ofSeconds(90))).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        return trial;
    }

    private static List<Double> losses(Trial trial) {
        return Lab.losses(trial.folder()).stream()
                .map(l -> Double.valueOf(l.substring(l.indexOf(' ') + 1)))
                .toList();
    }

    private void learns(Lab lab, Map<String, String> overrides) throws Exception {
        Map<String, String> all = new java.util.HashMap<>(overrides);
        all.put("evaluate.metrics", "[accuracy, f1]");
        all.put("evaluate.every", "25");
        Trial trial = trials.start(lab.specFile(), all, false);

        assertThat(trial.await(Duration.ofSeconds(90))).as(trial.message()).isEqualTo(TrialState.COMPLETED);

        List<Double> losses = losses(trial);
        assertThat(losses).hasSize(Lab.STEPS);
        assertThat(mean(losses.subList(50, 60))).isLessThan(0.8 * mean(losses.subList(0, 10)));
        assertThat(trial.report().orElseThrow().scores())
                .extracting(Score::name)
                .contains("accuracy", "f1_macro");
        assertThat(Folders.contents(trial.folder()).keySet())
                .contains(
                        "spec.yaml",
                        "provenance.json",
                        "metrics.jsonl",
                        "report.json",
                        "adapter/adapter_config.json",
                        "adapter/adapter_model.safetensors")
                .anyMatch(name -> name.startsWith("checkpoint/"));
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }
}
