package org.attune.peft.prompt;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.VirtualTokens;
import org.attune.peft.PeftConfig;
import org.attune.peft.bottleneck.Claim;
import org.attune.peft.prompt.PromptEncoderOptions.Encoder;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * P-tuning (Liu et al. 2021, arXiv 2103.10385): virtual tokens before each text, as in {@link PromptTuning}, whose vectors an encoder
 * computes from trained ones: three linear maps with ReLU between, or a bidirectional LSTM and two maps. The model stays as it is, where
 * the paper also trains it.
 *
 * <p>The parameters are {@code prompt_encoder.embedding.weight} [length, width] and the encoder's, named as inside PEFT:
 * {@code prompt_encoder.mlp_head.0}, {@code prompt_encoder.lstm_head}. PEFT saves the computed {@code prompt_embeddings} alone, which is
 * all that it loads; what is saved here has both, so training can go on. Where only the computed prompt is there, it is what is trained.
 */
@Component(service = Adapter.class)
@AttunePlugin(
        name = "p-tuning",
        description = "virtual tokens before each text that a trained encoder computes (P-tuning)")
public final class PTuning implements Adapter<PromptEncoderOptions> {
    private static final String NAME = "p-tuning";
    private static final String VECTORS = "prompt_encoder.embedding.weight";
    private static final String HEAD = "prompt_encoder.mlp_head.";
    private static final String LSTM = "prompt_encoder.lstm_head";

    @Override
    public Class<PromptEncoderOptions> options() {
        return PromptEncoderOptions.class;
    }

    @Override
    public void attach(PromptEncoderOptions options, Attachment on) {
        int width = on.words().out();
        Shape shape = Shape.of(options.length(), width);
        if (on.known(PromptTuning.PROMPT) > 0 && on.known(VECTORS) == 0) {
            on.prompt(new PromptTuning.Rows(on.parameter(PromptTuning.PROMPT, shape, Initializer.constant(0))));
            return;
        }
        on.prompt(encoded(options, width, on::parameter));
        on.follows(PromptTuning.PROMPT);
    }

    private static Encoded encoded(PromptEncoderOptions options, int width, Claim claim) {
        int hidden = options.hidden() > 0 ? options.hidden() : width;
        Tensor vectors = claim.of(VECTORS, Shape.of(options.length(), width), Initializer.normal(1));
        return new Encoded(
                vectors,
                options.encoder() == Encoder.MLP
                        ? maps(width, hidden, claim)
                        : recurrent(width, hidden, options.layers(), claim));
    }

    private static UnaryOperator<Tensor> maps(int width, int hidden, Claim claim) {
        DenseLayer first = DenseLayer.of(HEAD + "0", width, hidden, claim);
        DenseLayer second = DenseLayer.of(HEAD + "2", hidden, hidden, claim);
        DenseLayer third = DenseLayer.of(HEAD + "4", hidden, width, claim);
        return x -> third.apply(second.apply(first.apply(x).relu()).relu());
    }

    private static UnaryOperator<Tensor> recurrent(int width, int hidden, int layers, Claim claim) {
        Lstm lstm = Lstm.of(LSTM, width, hidden, layers, claim);
        DenseLayer first = DenseLayer.of(HEAD + "0", 2 * hidden, 2 * hidden, claim);
        DenseLayer second = DenseLayer.of(HEAD + "2", 2 * hidden, width, claim);
        return x -> second.apply(first.apply(lstm.apply(x)).relu());
    }

    /** @param vectors [length, width] */
    private record Encoded(Tensor vectors, UnaryOperator<Tensor> encoder) implements VirtualTokens {
        @Override
        public int count() {
            return vectors.shape().dim(0);
        }

        @Override
        public Tensor rows(Forward forward) {
            return rows();
        }

        Tensor rows() {
            return encoder.apply(vectors);
        }
    }

    @Override
    public Optional<PeftFormat<PromptEncoderOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<PromptEncoderOptions> {
        @Override
        public String type() {
            return "P_TUNING";
        }

        @Override
        public Map<String, Object> write(PromptEncoderOptions options, Model model) {
            int width = VirtualTokenFields.width(model);
            Map<String, Object> config = new LinkedHashMap<>();
            VirtualTokenFields.write(config, options.length(), width, model);
            config.put("encoder_reparameterization_type", options.encoder().name());
            config.put("encoder_hidden_size", options.hidden() > 0 ? options.hidden() : width);
            config.put("encoder_num_layers", options.layers());
            config.put("encoder_dropout", 0.0);
            return config;
        }

        /** With the prompt that PEFT reads, where it is computed. */
        @Override
        public Map<String, Tensor> tensors(PromptEncoderOptions options, Trained trained) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(trained.parameters());
            if (tensors.containsKey(VECTORS)) {
                int width = tensors.get(VECTORS).shape().dim(1);
                Encoded encoded = encoded(options, width, (name, shape, first) -> tensors.get(name));
                tensors.put(PromptTuning.PROMPT, encoded.rows());
            }
            return tensors;
        }

        @Override
        public PromptEncoderOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig(NAME, fields);
            int length = VirtualTokenFields.read(
                    config,
                    Set.of(
                            "encoder_reparameterization_type",
                            "encoder_hidden_size",
                            "encoder_num_layers",
                            "encoder_dropout"));
            Object type = config.value("encoder_reparameterization_type");
            boolean lstm = "LSTM".equals(type);
            if (!lstm && !PeftConfig.isOff(type) && !"MLP".equals(type)) {
                throw config.unsupported("encoder_reparameterization_type=" + type);
            }
            if (lstm) { // of the maps PEFT has none either
                config.refuseDropouts("encoder_dropout");
            }
            return new PromptEncoderOptions(
                    length,
                    lstm ? Encoder.LSTM : Encoder.MLP,
                    PeftConfig.isOff(config.value("encoder_hidden_size"))
                            ? 0
                            : config.whole("encoder_hidden_size", 0, 1),
                    config.whole("encoder_num_layers", 2, 1));
        }
    }
}
