package org.attune.models.make;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.model.NewModel;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/**
 * Makes a model that knows nothing yet, as a Hugging Face folder: matrices are normal with standard deviation
 * {@code initializer_range}, 0.02 where the configuration does not say, norms do nothing, biases are 0.
 */
public final class ModelMaker {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final double SPREAD = 0.02;
    /** The bytes and the end of text. */
    private static final int SMALLEST_VOCABULARY = 257;

    private ModelMaker() {}

    /** See {@link org.attune.model.ModelLoader#create}. */
    public static void make(NewModel plan, Iterable<String> texts, Path folder) {
        if (plan.vocabulary() < SMALLEST_VOCABULARY) {
            throw new UserError("model.tokenizer.vocabulary is " + plan.vocabulary() + ", expected at least "
                    + SMALLEST_VOCABULARY + ": the 256 bytes and the end of a text");
        }
        NewTokenizer tokenizer = NewTokenizer.train(texts, plan.vocabulary());
        byte[] config = config(plan, tokenizer.size());
        ModelConfig read = ModelConfig.parse("model.new", config);
        Modules modules = Families.read(read).modules();
        double spread = read.has("initializer_range") ? read.number("initializer_range", 0, 1) : SPREAD;
        try {
            Files.createDirectories(folder);
            Files.write(folder.resolve("config.json"), config);
            Files.write(folder.resolve("tokenizer.json"), tokenizer.json());
            TensorFiles.write(
                    folder.resolve("model.safetensors"),
                    weights(modules, spread, Rng.of(plan.seed()).at("weights")),
                    Map.of("format", "pt"));
        } catch (IOException e) {
            throw UserError.cannot("write", folder, e);
        }
    }

    private static byte[] config(NewModel plan, int vocabulary) {
        try {
            ObjectNode config = (ObjectNode) JSON.readTree(plan.config());
            config.put("vocab_size", vocabulary).put("bos_token_id", 0).put("eos_token_id", 0);
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(config);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("the configuration is no JSON object: " + plan.config(), e);
        }
    }

    private static Map<String, HostTensor> weights(Modules modules, double spread, Rng rng) {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        modules.weights().forEach((name, shape) -> {
            boolean turned = modules.transposedInFiles(name);
            Shape inFile = turned ? Shape.of(shape.dim(1), shape.dim(0)) : shape;
            float[] values = new float[Math.toIntExact(shape.size())];
            Rng own = rng.at(name);
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (shape.rank() == 1 ? modules.initial(name) : spread * own.gaussian(i));
            }
            weights.put(name, HostTensor.of(inFile, values));
        });
        return weights;
    }
}
