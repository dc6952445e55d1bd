package org.attune.peft.prompt;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;
import org.attune.peft.bottleneck.Claim;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * Prefix tuning (Li and Liang 2021, arXiv 2101.00190; without projection also P-tuning v2, Liu et al. 2021, arXiv 2110.07602): in each
 * layer's attention trained keys and values stand before those of each sequence, and all of its tokens see them. Prefix keys are not
 * turned by rotary positions; as in PEFT the positions of tokens begin after the prefix.
 *
 * <p>The parameter is {@code prompt_embeddings} [length, layers * 2 * width], in which a layer's keys come before its values. With
 * projection it is {@code transform(e)}: e [length, width] is {@code prompt_encoder.embedding.weight}, the two maps are
 * {@code prompt_encoder.transform.0} and {@code .2}, with tanh between. PEFT saves the matrix alone, which is all that it loads; what
 * is saved here has both, so training can go on. Where only the matrix is there, that is what is trained.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "prefix-tuning", description = "trained keys and values before each layer's own (prefix tuning)")
public final class PrefixTuning implements Adapter<PrefixTuningOptions> {
    private static final String NAME = "prefix-tuning";
    private static final String MATRIX = "prompt_embeddings";
    private static final String VECTORS = "prompt_encoder.embedding.weight";
    private static final String MAPS = "prompt_encoder.transform.";

    @Override
    public Class<PrefixTuningOptions> options() {
        return PrefixTuningOptions.class;
    }

    @Override
    public void attach(PrefixTuningOptions options, Attachment on) {
        List<AttachPoint> layers = LayerPrefix.layers(NAME, on.points());
        int length = options.length();
        int width = LayerPrefix.width(layers.get(0));
        int columns = layers.size() * 2 * width;
        boolean projected = options.projection() && (on.known(VECTORS) > 0 || on.known(MATRIX) == 0);
        PrefixMatrix matrix = projected
                ? projected(options, width, columns, on::parameter)
                : PrefixMatrix.trained(MATRIX, length, columns, on::parameter);
        if (projected) {
            on.follows(MATRIX);
        }
        LayerPrefix.attach(matrix, length, layers, on);
        on.shiftPositions(length);
    }

    private static PrefixMatrix projected(PrefixTuningOptions options, int width, int columns, Claim claim) {
        return PrefixMatrix.projected(
                VECTORS, MAPS + "0", MAPS + "2", options.length(), width, hidden(options, width), columns, claim);
    }

    private static int hidden(PrefixTuningOptions options, int width) {
        return options.hidden() > 0 ? options.hidden() : width;
    }

    @Override
    public Optional<PeftFormat<PrefixTuningOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<PrefixTuningOptions> {
        @Override
        public String type() {
            return "PREFIX_TUNING";
        }

        @Override
        public Map<String, Object> write(PrefixTuningOptions options, Model model) {
            int width = LayerPrefix.width(
                    LayerPrefix.layers(NAME, model.attachPoints()).get(0));
            Map<String, Object> config = new LinkedHashMap<>();
            VirtualTokenFields.write(config, options.length(), width, model);
            config.put("prefix_projection", options.projection());
            config.put("encoder_hidden_size", hidden(options, width));
            config.put("init_weights", null);
            return config;
        }

        /** With the matrix that PEFT reads, where it is computed. */
        @Override
        public Map<String, Tensor> tensors(PrefixTuningOptions options, Trained trained) {
            Map<String, Tensor> tensors = new LinkedHashMap<>(trained.parameters());
            if (tensors.containsKey(VECTORS)) {
                int width = tensors.get(VECTORS).shape().dim(1);
                int columns = tensors.get(MAPS + "2.bias").shape().dim(0);
                PrefixMatrix matrix = projected(options, width, columns, (name, shape, first) -> tensors.get(name));
                tensors.put(MATRIX, matrix.columns(0, columns));
            }
            return tensors;
        }

        @Override
        public PrefixTuningOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig(NAME, fields);
            // init_weights says how training began
            int length =
                    VirtualTokenFields.read(config, Set.of("prefix_projection", "encoder_hidden_size", "init_weights"));
            boolean projection = config.is("prefix_projection");
            boolean given = projection && !PeftConfig.isOff(config.value("encoder_hidden_size"));
            return new PrefixTuningOptions(length, projection, given ? config.whole("encoder_hidden_size", 0, 1) : 0);
        }
    }
}
