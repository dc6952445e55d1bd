package org.attune.kernel.replay;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The encoder with which a P-tuning trace began. PEFT saves the prompt that the encoder computes and not the encoder, so it is drawn
 * again as PEFT's {@code PromptEncoder} draws it from the recorded seed: vectors [length, width] and three maps width to hidden to hidden
 * to width. The prompt in the file tells whether these are the numbers of the trace.
 */
final class DrawnEncoder {
    private static final String PROMPT = "prompt_embeddings";
    private static final String ENCODER = "prompt_encoder.";
    /** The recorders seed PyTorch with the trace's seed and this before they attach a method. */
    private static final int OFFSET = 17;
    /** To the largest number of the prompt: of rounding in the encoder. */
    private static final double TOLERANCE = 1e-5;

    private final TorchRandom random;
    private final Map<String, double[]> parameters = new LinkedHashMap<>();

    private DrawnEncoder(long seed) {
        random = new TorchRandom(seed + OFFSET);
    }

    /**
     * Adds the encoder to the initial values of a trace that lacks it.
     *
     * @param config the PEFT configuration
     * @param trainable how many numbers the trace trained
     * @param initial by name; left as they are where the method is another, the encoder is there or an LSTM, or the seed gives another
     *     prompt
     */
    static void complete(Map<String, Object> config, long seed, long trainable, Map<String, double[]> initial) {
        double[] prompt = initial.get(PROMPT);
        if (!"P_TUNING".equals(config.get("peft_type"))
                || !"MLP".equals(config.get("encoder_reparameterization_type"))
                || prompt == null
                || prompt.length < TorchRandom.BLOCK
                || initial.keySet().stream().anyMatch(name -> name.startsWith(ENCODER))
                || !(config.get("num_virtual_tokens") instanceof Integer length)
                || !(config.get("encoder_hidden_size") instanceof Integer hidden)
                || length <= 0
                || hidden <= 0) {
            return;
        }
        int width = prompt.length / length;
        long maps = (width + 1L) * hidden + (hidden + 1L) * hidden + (hidden + 1L) * width;
        if (prompt.length + maps != trainable) {
            return;
        }
        DrawnEncoder encoder = new DrawnEncoder(seed);
        if (encoder.gives(prompt, length, width, hidden)) {
            initial.putAll(encoder.parameters);
        }
    }

    private boolean gives(double[] prompt, int length, int width, int hidden) {
        double[] x = keep("embedding.weight", random.normal(length * width));
        x = map("mlp_head.0", x, width, hidden, true);
        x = map("mlp_head.2", x, hidden, hidden, true);
        x = map("mlp_head.4", x, hidden, width, false);
        double difference = 0;
        double scale = 0;
        for (int i = 0; i < prompt.length; i++) {
            difference = Math.max(difference, Math.abs(x[i] - prompt[i]));
            scale = Math.max(scale, Math.abs(prompt[i]));
        }
        return difference <= TOLERANCE * scale;
    }

    /** Draws a linear map and applies it to x [rows, in]: [rows, out]. */
    private double[] map(String name, double[] x, int in, int out, boolean relu) {
        double bound = 1 / Math.sqrt(in);
        double[] weight = keep(name + ".weight", random.uniform(out * in, -bound, bound));
        double[] bias = keep(name + ".bias", random.uniform(out, -bound, bound));
        double[] y = new double[x.length / in * out];
        for (int i = 0; i < y.length; i++) {
            double sum = bias[i % out];
            for (int k = 0; k < in; k++) {
                sum += x[i / out * in + k] * weight[i % out * in + k];
            }
            y[i] = relu ? Math.max(0, sum) : sum;
        }
        return y;
    }

    private double[] keep(String name, float[] drawn) {
        double[] values = new double[drawn.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = drawn[i];
        }
        parameters.put(ENCODER + name, values);
        return values;
    }
}
