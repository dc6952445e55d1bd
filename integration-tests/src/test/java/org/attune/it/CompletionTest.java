package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.attune.data.Example;
import org.attune.evaluation.CompletionMatch;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generator;
import org.attune.kernel.generation.LoadedGenerator;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whether a completion matches is what greedy decoding really gives. */
class CompletionTest {
    private static final List<String> PROMPTS = List.of("3 1 4", "2 7", "9 9 8 1 0", "5");
    private static final int TOKENS = 5;
    private static final int END = 10;

    @TempDir
    Path folder;

    @Test
    void whatGreedyDecodingGivesMatchesAndNothingElseDoes() throws Exception {
        TensorEngine engine = new ReferenceEngine();
        try (Model model = SmallDecoder.LLAMA.load(folder, engine, engine.dtype());
                ParameterStore parameters = new ParameterStore(engine, model, 0);
                Workers workers = new Workers(2, "test");
                Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(2, 16, 1))) {
            Wiring wiring = new Wiring(model);
            Trainer.Objective objective = new CausalLm()
                    .open(
                            new CausalLmOptions(64, 0, "", "{text}", "{label}"),
                            new TrainerSetup(parameters.claim(Optional.empty()), model, List.of()));
            List<Sample> samples = new ArrayList<>();
            List<Boolean> exact = new ArrayList<>();
            List<int[]> texts = greedy(engine, model, parameters, wiring);
            for (int i = 0; i < texts.size(); i++) {
                int[] ids = texts.get(i);
                for (int wrong = -1; wrong < ids.length; wrong++) {
                    int[] others = ids.clone();
                    if (wrong >= 0) {
                        others[wrong] = (ids[wrong] + 1) % model.tokenizer().vocabulary();
                    }
                    samples.add(objective.prepare(example(PROMPTS.get(i), others), samples.size()));
                    exact.add(wrong < 0);
                }
            }
            Session session = new Session(objective, wiring, List.of());
            assertThat(stepper.predict(session, samples))
                    .extracting(prediction -> ((CompletionMatch) prediction).exact())
                    .isEqualTo(exact);
        }
    }

    private static List<int[]> greedy(TensorEngine engine, Model model, ParameterStore parameters, Wiring wiring) {
        try (Generator generator =
                new LoadedGenerator(engine, model, parameters, wiring, Optional.empty(), 2, () -> {})) {
            return generator
                    .generate(
                            PROMPTS.stream()
                                    .map(prompt -> model.tokenizer().encode(prompt, Integer.MAX_VALUE))
                                    .toList(),
                            Decoding.greedy(TOKENS))
                    .stream()
                    .map(Generated::ids)
                    .toList();
        }
    }

    private static Example example(String prompt, int[] completion) {
        String words = Arrays.stream(completion)
                .mapToObj(id -> id == END ? "end" : Integer.toString(id))
                .collect(Collectors.joining(" "));
        return new Example("test", Map.of("text", prompt, "label", words));
    }
}
