package org.attune.peft.prompt;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.VirtualTokens;
import org.attune.peft.PeftConfig;
import org.attune.peft.prompt.PromptTuningOptions.Init;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Prompt tuning (Lester et al. 2021, arXiv 2104.08691): virtual tokens before each text, whose vectors are trained in place of rows of the
 * embedding. The parameter is {@code prompt_embeddings} [length, width], as in PEFT. The model sees them as tokens like any: positions
 * begin with them, an encoder's classifier over the first token reads the first of them, and a language model predicts a text's first
 * token from the last of them.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "prompt-tuning", description = "trained virtual tokens before each text (prompt tuning)")
public final class PromptTuning implements Adapter<PromptTuningOptions> {
    static final String PROMPT = "prompt_embeddings";
    private static final String NAME = "prompt-tuning";

    @Override
    public Class<PromptTuningOptions> options() {
        return PromptTuningOptions.class;
    }

    @Override
    public void attach(PromptTuningOptions options, Attachment on) {
        AttachPoint words = on.words();
        Tensor prompt = on.parameter(PROMPT, Shape.of(options.length(), words.out()), initial(options, words, on));
        on.prompt(new Rows(prompt));
    }

    /** @param rows [count, width] */
    record Rows(Tensor rows) implements VirtualTokens {
        @Override
        public int count() {
            return rows.shape().dim(0);
        }

        @Override
        public Tensor rows(Forward forward) {
            return rows;
        }
    }

    private static Initializer initial(PromptTuningOptions options, AttachPoint words, Attachment on) {
        return switch (options.init()) {
            case RANDOM -> Initializer.normal(1);
            case VOCABULARY -> (shape, rng) -> rows(on, words, drawn(shape.dim(0), words.in(), rng));
            case TEXT -> (shape, rng) -> rows(on, words, repeated(on.encode(options.text()), shape.dim(0)));
        };
    }

    private static int[] drawn(int count, int vocabulary, Rng rng) {
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> rng.below(vocabulary, i));
        return ids;
    }

    private static int[] repeated(int[] tokens, int count) {
        if (tokens.length == 0) {
            throw new UserError(NAME + ": the text has no tokens");
        }
        int[] ids = new int[count];
        Arrays.setAll(ids, i -> tokens[i % tokens.length]);
        return ids;
    }

    private static double[] rows(Attachment on, AttachPoint words, int[] ids) {
        try (Tensor rows = on.weight(words.path() + ".weight").gatherRows(ids)) {
            return rows.toDoubles();
        }
    }

    @Override
    public Optional<PeftFormat<PromptTuningOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<PromptTuningOptions> {
        @Override
        public String type() {
            return "PROMPT_TUNING";
        }

        @Override
        public Map<String, Object> write(PromptTuningOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            VirtualTokenFields.write(config, options.length(), VirtualTokenFields.width(model), model);
            // PEFT would have a text only with the tokenizer that it would read it by again.
            config.put("prompt_tuning_init", options.init() == Init.VOCABULARY ? "SAMPLE_VOCAB" : "RANDOM");
            config.put("prompt_tuning_init_text", options.text().isEmpty() ? null : options.text());
            config.put("tokenizer_name_or_path", null);
            config.put("tokenizer_kwargs", null);
            return config;
        }

        @Override
        public PromptTuningOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig(NAME, fields);
            int length = VirtualTokenFields.read(
                    config,
                    Set.of(
                            "prompt_tuning_init",
                            "prompt_tuning_init_text",
                            "tokenizer_name_or_path",
                            "tokenizer_kwargs")); // how training began
            String text = config.value("prompt_tuning_init_text") instanceof String t ? t : "";
            boolean vocabulary = "SAMPLE_VOCAB".equals(config.value("prompt_tuning_init"));
            return new PromptTuningOptions(
                    length, !text.isEmpty() ? Init.TEXT : vocabulary ? Init.VOCABULARY : Init.RANDOM, text);
        }
    }
}
