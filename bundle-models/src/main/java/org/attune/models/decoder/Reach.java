package org.attune.models.decoder;

import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.attune.models.ModelConfig;
import org.attune.tensor.engine.AttentionLayout;

/**
 * How far back the tokens of a layer see, and how they know positions.
 *
 * @param window how many tokens a token sees, itself included; {@link AttentionLayout#ALL} for all before it
 * @param rotary turns queries and keys
 */
record Reach(int window, Rotary rotary) {
    private static final String LAYER_TYPES = "layer_types";
    private static final String FULL = "full_attention";
    private static final String SLIDING = "sliding_attention";

    /** Without a window. */
    static Reach full(Rotary rotary) {
        return new Reach(AttentionLayout.ALL, rotary);
    }

    /** One for each layer, all the same. */
    static List<Reach> same(ModelConfig config, Reach reach) {
        refuseOthers(config, reach.window == AttentionLayout.ALL ? FULL : SLIDING);
        return Collections.nCopies(config.layers("num_hidden_layers"), reach);
    }

    /**
     * One for each layer, as {@code layer_types} says.
     *
     * @param slides which layers have a window where the configuration does not say
     */
    static List<Reach> mixed(ModelConfig config, Reach full, Reach sliding, IntPredicate slides) {
        int layers = config.layers("num_hidden_layers");
        List<String> types = config.texts(LAYER_TYPES);
        if (types.isEmpty()) {
            return IntStream.range(0, layers)
                    .mapToObj(i -> slides.test(i) ? sliding : full)
                    .toList();
        }
        if (types.size() != layers) {
            throw config.invalid(LAYER_TYPES, "one for each of the " + layers + " layers");
        }
        return types.stream()
                .map(type -> switch (type) {
                    case FULL -> full;
                    case SLIDING -> sliding;
                    default -> throw config.invalid(LAYER_TYPES, "'" + FULL + "' and '" + SLIDING + "' alone");
                })
                .toList();
    }

    private static void refuseOthers(ModelConfig config, String supported) {
        if (!config.texts(LAYER_TYPES).stream().allMatch(supported::equals)) {
            throw config.invalid(LAYER_TYPES, "'" + supported + "' alone");
        }
    }
}
