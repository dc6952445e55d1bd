package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.TextLikelihood;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.Tokenizer;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;

/** What a model says of texts, from the text to the likelihood. Expected values: transformers in double precision. */
class LanguageModelTest {
    @Test
    void likelihoodsOfTextsAreHuggingFaces() throws Exception {
        JsonNode golden =
                new ObjectMapper().readTree(Golden.path("metrics/lm.json").toFile());
        Path folder = Golden.path("models/llama");
        TensorEngine engine = new ReferenceEngine();
        try (Model model = new FolderModelLoader()
                        .load(folder.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                        .orElseThrow();
                ParameterStore parameters = new ParameterStore(engine, model, 1);
                Workers workers = new Workers(1, "test");
                Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(1, 16, 1))) {
            Trainer.Objective objective = new CausalLm()
                    .open(
                            new CausalLmOptions(64, 0, "", "", ""),
                            new TrainerSetup(parameters.claim(Optional.empty()), model, List.of()));
            List<Sample> samples = new ArrayList<>();
            List<TextLikelihood> expected = new ArrayList<>();
            for (JsonNode document : golden.at("/values/documents")) {
                int i = samples.size();
                String text = document.get("text").asText();
                samples.add(objective.prepare(new Example("lm.json:" + i, Map.of("text", text)), i));
                double nats = golden.at("/values/without_bos/nll").get(i).asDouble();
                int tokens = golden.at("/values/without_bos/tokens").get(i).asInt();
                expected.add(new TextLikelihood(
                        i, -nats, tokens, document.get("bytes").asInt()));
            }
            Session session = new Session(objective, new Wiring(model), List.of());
            assertThat(stepper.predict(session, samples))
                    .hasSameSizeAs(expected)
                    .satisfies(found -> {
                        for (int i = 0; i < expected.size(); i++) {
                            TextLikelihood text = (TextLikelihood) found.get(i);
                            TextLikelihood wanted = expected.get(i);
                            assertThat(text.example()).isEqualTo(i);
                            assertThat(text.tokens()).isEqualTo(wanted.tokens());
                            assertThat(text.logLikelihood()).isCloseTo(wanted.logLikelihood(), within(1e-5));
                            assertThat(text.bytes()).isLessThan(wanted.bytes()).isGreaterThan(wanted.bytes() - 12);
                        }
                    });
        }
    }

    /** Windows of 64 tokens over a text of 200, as the Hugging Face guide to perplexity has them. */
    @Test
    void slidingWindowsScoreWhatTheReferenceScores() throws Exception {
        JsonNode golden =
                new ObjectMapper().readTree(Golden.path("metrics/lm.json").toFile());
        int[] text = StreamSupport.stream(golden.get("sequence").spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
        Path folder = Golden.path("models/llama");
        TensorEngine engine = new ReferenceEngine();
        try (Model llama = new FolderModelLoader()
                        .load(folder.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                        .orElseThrow();
                ParameterStore parameters = new ParameterStore(engine, llama, 1);
                Workers workers = new Workers(1, "test");
                Stepper stepper = new Stepper(engine, llama, parameters, workers, new StepSettings(1, 64, 1))) {
            Model model = withTokens(llama, text);
            for (JsonNode expected : golden.at("/values/strided")) {
                CausalLmOptions options =
                        new CausalLmOptions(64, expected.get("stride").asInt(), "", "", "");
                Trainer.Objective objective = new CausalLm()
                        .open(options, new TrainerSetup(parameters.claim(Optional.empty()), model, List.of()));
                List<Sample> windows = objective.prepareForEvaluation(new Example("x", Map.of("text", "any")), 0);
                assertThat(windows).hasSameSizeAs(expected.get("spans"));
                double nats = 0;
                long tokens = 0;
                for (Prediction prediction :
                        stepper.predict(new Session(objective, new Wiring(llama), List.of()), windows)) {
                    nats -= ((TextLikelihood) prediction).logLikelihood();
                    tokens += ((TextLikelihood) prediction).tokens();
                }
                assertThat(tokens).isEqualTo(expected.get("tokens").asLong());
                assertThat(nats)
                        .isCloseTo(
                                expected.get("nll").asDouble(),
                                within(1e-6 * expected.get("nll").asDouble()));
            }
        }
    }

    /** The model with a tokenizer to which every text is this one. */
    private static Model withTokens(Model model, int[] ids) {
        Tokenizer tokenizer = (Tokenizer) Proxy.newProxyInstance(
                LanguageModelTest.class.getClassLoader(),
                new Class<?>[] {Tokenizer.class},
                (proxy, method, arguments) ->
                        method.getName().equals("encode") ? ids : method.invoke(model.tokenizer(), arguments));
        return (Model) Proxy.newProxyInstance(
                LanguageModelTest.class.getClassLoader(),
                new Class<?>[] {Model.class},
                (proxy, method, arguments) ->
                        method.getName().equals("tokenizer") ? tokenizer : method.invoke(model, arguments));
    }
}
