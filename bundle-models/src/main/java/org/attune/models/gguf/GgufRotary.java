package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import org.attune.models.ModelConfig;
import org.attune.tensor.Shape;

/** What is said of rotary positions: by a GGUF file as config.json says it, and the other way round. */
final class GgufRotary {
    /** By what the frequencies of Llama 3.1 and later are divided [headSize/2], in place of metadata. */
    static final String FACTORS = "rope_freqs.weight";

    private static final double DEFAULT_BASE = 10000;
    /** Llama 3.1's constants; files give what follows from them. */
    private static final double LOW = 1;

    private static final double HIGH = 4;
    private static final int ORIGINAL = 8192;

    private GgufRotary() {}

    static void add(GgufConfig config, GgufFile file) {
        config.copyIfThere("rope_theta", "rope.freq_base");
        int headSize = headSize(config);
        if (config.has("rope.dimension_count")) {
            double turned = (double) config.whole("rope.dimension_count") / headSize;
            config.put("partial_rotary_factor", DoubleNode.valueOf(turned));
        }
        if (file.names().contains(FACTORS)) {
            config.put("rope_scaling", byWavelength(config, file, headSize));
        } else if (config.has("rope.scaling.type")
                && !config.text("rope.scaling.type").equals("none")) {
            ObjectNode scaling = JsonNodeFactory.instance.objectNode();
            scaling.put("rope_type", config.text("rope.scaling.type"));
            scaling.put("factor", config.number("rope.scaling.factor"));
            if (config.has("rope.scaling.original_context_length")) {
                scaling.put("original_max_position_embeddings", config.whole("rope.scaling.original_context_length"));
            }
            config.ignore("rope.scaling.finetuned").put("rope_scaling", scaling);
        }
    }

    private static int headSize(GgufConfig config) {
        if (config.has("attention.key_length")) {
            return atLeastOne(config, "attention.key_length");
        }
        return Math.max(1, config.whole("embedding_length") / atLeastOne(config, "attention.head_count"));
    }

    private static int atLeastOne(GgufConfig config, String key) {
        int value = config.whole(key);
        if (value == 0) {
            throw config.invalid(key, "a whole number from 1");
        }
        return value;
    }

    /** The scaling {@code llama3} of which the factors follow. @throws org.attune.plugin.UserError if they follow of none */
    private static ObjectNode byWavelength(GgufConfig config, GgufFile file, int headSize) {
        float[] factors = new float[headSize / 2];
        if (file.shape(FACTORS).size() != factors.length) {
            throw file.invalid("tensor '" + FACTORS + "' has shape " + file.shape(FACTORS) + ", expected ["
                    + factors.length + "]");
        }
        file.read(FACTORS, factors.length, (block, length) -> System.arraycopy(block, 0, factors, 0, length));
        double base = config.has("rope.freq_base") ? config.number("rope.freq_base") : DEFAULT_BASE;
        double factor = factors.length == 0 ? 1 : factors[factors.length - 1];
        for (int i = 0; i < factors.length; i++) {
            double expected = divisor(Math.pow(base, -2.0 * i / headSize), factor, LOW, HIGH, ORIGINAL);
            if (!(Math.abs(factors[i] - expected) <= 1e-4 * expected)) {
                throw file.invalid("tensor '" + FACTORS + "' divides frequency " + i + " by " + factors[i]
                        + ", expected " + expected + " as in Llama 3.1; another scaling is not supported");
            }
        }
        ObjectNode scaling = JsonNodeFactory.instance.objectNode();
        return scaling.put("rope_type", "llama3")
                .put("factor", factor)
                .put("low_freq_factor", LOW)
                .put("high_freq_factor", HIGH)
                .put("original_max_position_embeddings", ORIGINAL);
    }

    /**
     * Writes what a config.json says.
     *
     * @throws org.attune.plugin.UserError if it asks for a kind of scaling that is not written
     */
    static void put(GgufWriter out, String prefix, ModelConfig config, int headSize) {
        ModelConfig rope = config.object("rope_parameters").orElse(config);
        double base = base(rope, "rope_theta", DEFAULT_BASE);
        out.number(prefix + "rope.freq_base", base);
        ModelConfig scaling = config.object("rope_parameters")
                .or(() -> config.object("rope_scaling"))
                .orElse(null);
        if (scaling != null && kind(scaling).equals("llama3")) {
            float[] factors = factors(scaling, base, headSize);
            out.tensor(FACTORS, Shape.of(factors.length), GgufEncoding.F32, () -> factors);
        } else {
            putScaling(out, prefix, scaling, "default, linear, llama3");
        }
    }

    /** Of Gemma 3, whose layers with and without a window have bases of their own, and those without a scaling. */
    static void putByKind(GgufWriter out, String prefix, ModelConfig config) {
        Optional<ModelConfig> byKind = config.object("rope_parameters");
        ModelConfig full =
                byKind.flatMap(kinds -> kinds.object("full_attention")).orElse(config);
        Optional<ModelConfig> sliding = byKind.flatMap(kinds -> kinds.object("sliding_attention"));
        ModelConfig scaling =
                byKind.isPresent() ? full : config.object("rope_scaling").orElse(null);
        out.number(prefix + "rope.freq_base", base(full, "rope_theta", 1_000_000));
        out.number(
                prefix + "rope.freq_base_swa",
                sliding.map(kind -> base(kind, "rope_theta", DEFAULT_BASE))
                        .orElseGet(() -> base(config, "rope_local_base_freq", DEFAULT_BASE)));
        sliding.filter(kind -> !kind(kind).equals("default")).ifPresent(kind -> {
            throw kind.invalid("rope_type", "default" + GgufKeys.MEANT);
        });
        putScaling(out, prefix, scaling, "default, linear");
    }

    private static double base(ModelConfig rope, String key, double otherwise) {
        return rope.has(key) ? rope.number(key, 1, Double.MAX_VALUE) : otherwise;
    }

    private static void putScaling(GgufWriter out, String prefix, ModelConfig scaling, String written) {
        switch (scaling == null ? "default" : kind(scaling)) {
            case "default" -> {}
            case "linear" ->
                out.text(prefix + "rope.scaling.type", "linear")
                        .number(prefix + "rope.scaling.factor", scaling.number("factor", 1, Double.MAX_VALUE));
            default ->
                throw scaling.invalid(
                        scaling.has("rope_type") ? "rope_type" : "type", "one that is written as GGUF: " + written);
        }
    }

    private static String kind(ModelConfig scaling) {
        String key = scaling.has("rope_type") ? "rope_type" : "type";
        return scaling.has(key) ? scaling.text(key) : "default";
    }

    private static float[] factors(ModelConfig scaling, double base, int headSize) {
        double factor = scaling.number("factor", 1, Double.MAX_VALUE);
        double low = scaling.number("low_freq_factor", 0, Double.MAX_VALUE);
        double high = scaling.number("high_freq_factor", 0, Double.MAX_VALUE);
        int positions = scaling.size("original_max_position_embeddings");
        float[] factors = new float[headSize / 2];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = (float) divisor(Math.pow(base, -2.0 * i / headSize), factor, low, high, positions);
        }
        return factors;
    }

    /** By what Llama 3.1 divides a frequency: long waves are stretched, short ones kept, those between in proportion. */
    private static double divisor(double frequency, double factor, double low, double high, int positions) {
        double waves = positions * frequency / (2 * Math.PI); // over the original context
        double kept = Math.max(0, Math.min(1, (waves - low) / (high - low)));
        return 1 / ((1 - kept) / factor + kept);
    }
}
