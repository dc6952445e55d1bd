package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.trainers.Classification;
import org.attune.trainers.ClassificationOptions;
import org.attune.trainers.Pooling;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Adapters in both directions between this program and the real PEFT: the same files give the same logits. PEFT computes in float32,
 * so logits may differ by 1e-4 of the largest.
 */
class PeftExchangeTest {
    private static final double TOLERANCE = 1e-4;
    private static final int LABELS = 3;
    private static final List<String> MODULES = List.of("torch", "transformers", "peft", "safetensors");
    private static final List<int[]> SEQUENCES =
            List.of(new int[] {2, 17, 31, 8, 44, 3}, new int[] {5, 9}, new int[] {7, 90, 14, 61, 33, 70, 12, 4, 28});

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private final TensorEngine engine = new ReferenceEngine();

    private static Path model(String name) {
        return Golden.path("models/" + name).toAbsolutePath().normalize();
    }

    private static Map<String, Object> job(String name, Path adapter, boolean classes) {
        Map<String, Object> job = new LinkedHashMap<>();
        job.put("base", model(name).toString());
        job.put("adapter", adapter.toString());
        job.put("task", classes ? "SEQ_CLS" : "CAUSAL_LM");
        job.put("labels", LABELS);
        job.put("sequences", SEQUENCES);
        return job;
    }

    private JsonNode answers(List<Map<String, Object>> jobs) throws IOException, InterruptedException {
        Path in = folder.resolve("jobs.json");
        Path out = folder.resolve("answers.json");
        JSON.writeValue(in.toFile(), jobs);
        Python.run(folder, "peft_peer.py", MODULES, in, out);
        return JSON.readTree(out.toFile());
    }

    // ---- from here to there ----

    @Test
    void whatIsTrainedHereGivesTheSameLogitsThere() throws Exception {
        Map<String, String> specs = new LinkedHashMap<>();
        specs.put(
                "bert 1",
                "{name: lora, rank: 4, targets: [query, value, intermediate.dense], bias: lora-only,"
                        + " rank_pattern: {'layer\\.0\\..*': 2}}");
        specs.put("bert 2", "{name: lora, rank: 3, alpha: 5, targets: all-linear, rslora: true}");
        specs.put("gpt2 1", "{name: lora, rank: 4, targets: [c_attn, c_proj], bias: all}");
        specs.put("gpt2 2", "{name: lora, rank: 4, targets: '.*attn\\.c_attn', exclude: [h.0.attn.c_attn]}");
        specs.put(
                "llama 1",
                "{name: lora, rank: 4, targets: [q_proj, v_proj, down_proj], layers: [1],"
                        + " alpha_pattern: {self_attn.q_proj: 3.5}, modules_to_save: [lm_head]}");
        specs.put("bert 3", "{name: dora, rank: 4, targets: [query, intermediate.dense]}");
        specs.put("llama 2", "{name: dora, rank: 2, targets: [q_proj, down_proj]}");
        specs.put("gpt2 3", "{name: ia3, targets: [c_attn, c_fc], feedforward: [c_fc]}");
        specs.put("bert 4", "{name: gralora, rank: 4, hybrid_rank: 2, targets: [query, output.dense]}");
        specs.put("llama 3", "{name: loha, rank: 2, targets: [q_proj, up_proj]}");
        specs.put("llama 4", "{name: lokr, rank: 2, targets: [k_proj, up_proj]}");
        specs.put("bert 5", "{name: hra, rank: 4, targets: [query, value]}");
        specs.put("bert 6", "{name: vera, rank: 16, targets: [query, intermediate.dense]}");
        specs.put("llama 5", "{name: miss, rank: 8, targets: [v_proj, down_proj]}");
        specs.put("bert 7", "{name: oft, block_size: 16, targets: [query, output.dense]}");
        specs.put("llama 8", "{name: oft, block_size: 8, share: true, terms: 5, targets: [q_proj, o_proj]}");
        specs.put("bert 9", "{name: lora, rank: 4, init: pissa}");
        specs.put("llama 9", "{name: lora, rank: 4, targets: [q_proj, down_proj], init: olora}");
        specs.put("bert eva", "{name: lora, rank: 4, targets: all-linear, exclude: [pooler.dense], init: eva, rho: 3}");
        specs.put(
                "llama eva",
                "{name: dora, rank: 4, targets: [q_proj, down_proj], init: eva, adjust_scaling_factors: false}");
        specs.put("bert 8", "{name: ln-tuning}");
        specs.put("llama 6", "{name: ln-tuning, targets: [input_layernorm, norm]}");
        specs.put("gpt2 5", "{name: trainable-tokens, tokens: [5, 9, 11]}"); // its head is tied
        specs.put("llama 7", "{name: trainable-tokens, tokens: [5, 9]}");
        specs.put("bert 10", "{name: adalora, init_rank: 4, target_rank: 1, t_init: 2, t_final: 3, delta_t: 1}");
        specs.put(
                "llama 10",
                "{name: adalora, init_rank: 3, target_rank: 2, alpha: 5, t_init: 0.2, targets: [q_proj, down_proj]}");
        specs.put("bert prefix", "{name: prefix-tuning, length: 4}");
        specs.put("bert prefix, projected", "{name: prefix-tuning, length: 3, projection: true, hidden: 8}");
        specs.put("gpt2 2 with a prefix", "{name: prefix-tuning, length: 5}");
        specs.put("gpt2 prefix", "{name: prefix-tuning, length: 5}");
        specs.put("llama prefix", "{name: prefix-tuning, length: 2, projection: true}");
        specs.put("bert prompt", "{name: prompt-tuning, length: 4}");
        specs.put("gpt2 2 with a prompt", "{name: prompt-tuning, length: 4, init: text, text: the river}");
        specs.put("llama prompt", "{name: prompt-tuning, length: 3, init: random}");
        specs.put("bert p-tuning", "{name: p-tuning, length: 4, encoder: lstm, hidden: 6}");
        specs.put("gpt2 p-tuning", "{name: p-tuning, length: 4}");
        specs.put("llama p-tuning", "{name: p-tuning, length: 3, hidden: 20}");
        SmallRuns runs = new SmallRuns(folder, engine);
        List<Map<String, Object>> jobs = new ArrayList<>();
        for (Map.Entry<String, String> spec : specs.entrySet()) {
            boolean classes = spec.getKey().startsWith("bert") || spec.getKey().startsWith("gpt2 2");
            String name = spec.getKey().replaceFirst(" .*", "");
            jobs.add(job(name, runs.train(model(name), classes, spec.getValue()).resolve("adapter"), classes));
        }
        compare(jobs);
    }

    // ---- from there to here ----

    @Test
    void whatPeftHasMadeGivesTheSameLogitsHere() throws Exception {
        List<Map<String, Object>> jobs = new ArrayList<>();
        made(jobs, "bert", true, Map.of("r", 4, "lora_alpha", 9, "target_modules", List.of("query", "key")));
        made(jobs, "bert", true, Map.of("r", 4, "target_modules", "all-linear", "use_rslora", true, "bias", "all"));
        made(
                jobs,
                "bert",
                true,
                Map.of(
                        "r", 4,
                        "target_modules", List.of("query", "value"),
                        "rank_pattern", Map.of("layer\\.1\\..*", 2),
                        "alpha_pattern", Map.of("attention.self.query", 3),
                        "bias", "lora_only"));
        made(jobs, "gpt2", false, Map.of("r", 4, "target_modules", List.of("c_attn", "c_fc")));
        made(jobs, "gpt2", true, Map.of("r", 4, "target_modules", ".*\\.c_proj", "exclude_modules", ".*h\\.1\\..*"));
        made(
                jobs,
                "llama",
                false,
                Map.of(
                        "r",
                        4,
                        "target_modules",
                        List.of("q_proj", "v_proj"),
                        "layers_to_transform",
                        1,
                        "layers_pattern",
                        "layers",
                        "modules_to_save",
                        List.of("lm_head")));
        made(jobs, "llama", true, Map.of("r", 4, "target_modules", "all-linear", "init_lora_weights", "gaussian"));
        List<String> projections = List.of("q_proj", "down_proj");
        made(jobs, "bert", true, Map.of("r", 4, "target_modules", List.of("query", "key"), "use_dora", true));
        made(jobs, "gpt2", false, Map.of("r", 4, "target_modules", List.of("c_attn"), "use_dora", true));
        made(
                jobs,
                "bert",
                true,
                Map.of(
                        "peft_type", "IA3",
                        "target_modules", List.of("key", "output.dense"),
                        "feedforward_modules", List.of("output.dense")));
        made(
                jobs,
                "llama",
                false,
                Map.of("peft_type", "GRALORA", "r", 4, "hybrid_r", 2, "target_modules", projections));
        made(jobs, "llama", true, Map.of("peft_type", "LOHA", "r", 2, "target_modules", projections));
        made(
                jobs,
                "llama",
                false,
                Map.of("peft_type", "LOKR", "r", 2, "decompose_both", true, "target_modules", projections));
        made(jobs, "llama", false, Map.of("peft_type", "LOKR", "r", 64, "target_modules", List.of("up_proj")));
        Map<String, Object> adalora =
                Map.of("peft_type", "ADALORA", "init_r", 4, "target_r", 2, "tinit", 1, "tfinal", 2, "total_step", 8);
        Map<String, Object> whole = new LinkedHashMap<>(adalora);
        whole.put("target_modules", projections);
        made(jobs, "llama", true, whole);
        Map<String, Object> pruned = new LinkedHashMap<>(adalora);
        pruned.put("target_modules", List.of("query"));
        pruned.put(
                "rank_pattern",
                Map.of(
                        "bert.encoder.layer.0.attention.self.query.lora_E", List.of(true, false, true, true),
                        "bert.encoder.layer.1.attention.self.query.lora_E", List.of(false, false, false, true)));
        made(jobs, "bert", true, pruned);
        made(jobs, "bert", true, Map.of("peft_type", "HRA", "r", 3, "target_modules", List.of("query")));
        made(jobs, "bert", true, Map.of("peft_type", "VERA", "r", 8, "target_modules", List.of("query", "value")));
        made(jobs, "llama", false, Map.of("peft_type", "MISS", "r", 7, "target_modules", projections));
        Map<String, Object> oft = Map.of("peft_type", "OFT", "oft_block_size", 16, "target_modules", projections);
        made(jobs, "llama", false, oft);
        made(
                jobs,
                "bert",
                true,
                Map.of(
                        "peft_type",
                        "OFT",
                        "oft_block_size",
                        8,
                        "block_share",
                        true,
                        "use_cayley_neumann",
                        false,
                        "target_modules",
                        List.of("query")));
        made(jobs, "bert", true, Map.of("r", 4, "target_modules", List.of("query"), "init_lora_weights", "pissa"));
        made(jobs, "llama", true, Map.of("r", 4, "target_modules", projections, "init_lora_weights", "olora"));
        made(
                jobs,
                "bert",
                true,
                Map.of(
                        "r",
                        4,
                        "target_modules",
                        List.of("query", "value"),
                        "init_lora_weights",
                        "eva",
                        "eva_config",
                        Map.of("rho", 3, "whiten", true),
                        "rank_pattern",
                        Map.of("bert.encoder.layer.1.attention.self.query", 6),
                        "alpha_pattern",
                        Map.of("bert.encoder.layer.1.attention.self.query", 12)));
        made(jobs, "bert", true, Map.of("peft_type", "LN_TUNING", "target_modules", List.of("LayerNorm")));
        made(jobs, "gpt2", false, Map.of("peft_type", "LN_TUNING", "target_modules", List.of("ln_1", "ln_f")));
        made(jobs, "gpt2", false, Map.of("peft_type", "TRAINABLE_TOKENS", "token_indices", List.of(7, 5)));
        made(jobs, "bert", true, Map.of("peft_type", "TRAINABLE_TOKENS", "token_indices", List.of(9)));
        List<Map<String, Object>> prompts = List.of(
                Map.of("peft_type", "PREFIX_TUNING"),
                Map.of("peft_type", "PREFIX_TUNING", "prefix_projection", true, "encoder_hidden_size", 12),
                Map.of("peft_type", "PROMPT_TUNING"),
                Map.of("peft_type", "P_TUNING", "encoder_hidden_size", 12),
                Map.of("peft_type", "P_TUNING", "encoder_reparameterization_type", "LSTM", "encoder_hidden_size", 6));
        for (Map<String, Object> prompt : prompts) {
            Map<String, Object> config = new LinkedHashMap<>(prompt);
            config.put("num_virtual_tokens", 3);
            for (String model : List.of("bert", "gpt2", "llama")) {
                made(jobs, model, true, config);
            }
            made(jobs, "gpt2", false, config);
            made(jobs, "llama", false, config);
        }
        compare(jobs);
    }

    private void made(List<Map<String, Object>> jobs, String name, boolean classes, Map<String, Object> config) {
        Map<String, Object> job = job(name, folder.resolve("made-" + jobs.size()), classes);
        job.put("config", config);
        jobs.add(job);
    }

    // ---- both ----

    private void compare(List<Map<String, Object>> jobs) throws Exception {
        JsonNode answers = answers(jobs);
        for (int i = 0; i < jobs.size(); i++) {
            Map<String, Object> job = jobs.get(i);
            double[] ours = logits(
                    Path.of((String) job.get("base")),
                    Path.of((String) job.get("adapter")),
                    job.get("task").equals("SEQ_CLS"));
            assertEqual(job, ours, answers.get(i).get("logits"));
            assertEqual(job, ours, answers.get(i).get("merged"));
        }
    }

    private static void assertEqual(Map<String, Object> job, double[] ours, JsonNode theirs) {
        assertThat(ours).as("%s", job).hasSize(theirs.size());
        double scale = 0;
        double difference = 0;
        for (int i = 0; i < ours.length; i++) {
            scale = Math.max(scale, Math.abs(theirs.get(i).asDouble()));
            difference = Math.max(difference, Math.abs(ours[i] - theirs.get(i).asDouble()));
        }
        assertThat(difference).as("%s: largest logit %s", job, scale).isLessThan(TOLERANCE * scale);
    }

    /** What this program makes of the folders. */
    private double[] logits(Path base, Path adapter, boolean classes) {
        AdapterFolder saved = AdapterFolder.read(adapter);
        try (Model model = new FolderModelLoader()
                        .load(base.toString(), base, engine, WeightForm.decoded(engine.dtype()))
                        .orElseThrow();
                ParameterStore parameters = new ParameterStore(engine, model, 0);
                Workers workers = new Workers(1, "peer");
                Stepper stepper = new Stepper(engine, model, parameters, workers, new StepSettings(1, 1000, 0));
                ConfiguredAdapter adapted =
                        ConfiguredAdapter.ofPeft(new ClassPathPlugins().withAdapters(), saved.config(), () -> {})) {
            parameters.restore(saved.values(model), Map.of());
            Wiring wiring = new Wiring(model);
            adapted.attach(wiring.attachment(parameters.claim(Optional.empty())));
            TrainerSetup setup = new TrainerSetup(parameters.claim(Optional.empty()), model, List.of("a", "b", "c"));
            Trainer.Objective objective = classes
                    ? new Classification().open(new ClassificationOptions(64, 0, Pooling.MODEL), setup)
                    : new CausalLm().open(new CausalLmOptions(64, 0, "", "", ""), setup);
            assertThat(parameters.unclaimed()).isEmpty();
            List<Sample> samples = new ArrayList<>();
            for (int[] ids : SEQUENCES) {
                samples.add(new Sample(samples.size(), ids, new int[ids.length], new int[0]));
            }
            return stepper.logits(new Session(objective, wiring, List.of()), samples);
        }
    }
}
