package org.attune.models.bert;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.attune.models.WeightFile;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/**
 * Brings a file's weights under the names of {@code BertForSequenceClassification}, checks them against the configuration
 * and copies them into an engine.
 */
final class BertWeights {
    private static final System.Logger LOG = System.getLogger(BertWeights.class.getName());
    private static final String PREFIX = "bert.";
    /** The parts of a bare {@code BertModel}, whose files have no prefix. */
    private static final Pattern BARE = Pattern.compile("(embeddings|encoder|pooler)\\..*");
    /** Not weights: a buffer of older versions, and the heads of pretraining. */
    private static final Pattern HARMLESS = Pattern.compile("bert\\.embeddings\\.(position|token_type)_ids|cls\\..*");

    private static final int NAMED_AT_MOST = 5;

    private final BertConfig config;
    private final WeightFile file;

    private BertWeights(BertConfig config, WeightFile file) {
        this.config = config;
        this.file = file;
    }

    /** The model's weights, and those of a classifier where there is one, in the file's order; the caller closes them. */
    static Map<String, Tensor> load(BertConfig config, WeightFile file, TensorEngine engine) {
        // All is checked before the first byte is copied.
        Map<String, String> stored = new BertWeights(config, file).select();
        Map<String, Tensor> weights = new LinkedHashMap<>();
        try {
            stored.forEach((name, nameInFile) -> {
                Tensor weight = Tensor.zeros(engine, file.shape().apply(nameInFile));
                weights.put(name, weight);
                weight.set(file.floats().apply(nameInFile));
            });
            return weights;
        } catch (Throwable t) {
            weights.values().forEach(Tensor::close);
            throw t;
        }
    }

    /** Name of each weight to its name in the file, in the file's order. */
    private Map<String, String> select() {
        Map<String, Shape> expected = config.weightShapes();
        Map<String, String> selected = new LinkedHashMap<>();
        List<String> unused = new ArrayList<>();
        for (String nameInFile : file.names()) {
            String name = canonical(nameInFile);
            boolean isClassifier = name.equals("classifier.weight") || name.equals("classifier.bias");
            if (isClassifier || expected.containsKey(name)) {
                if (isClassifier) {
                    checkClassifier(nameInFile);
                } else {
                    checkShape(nameInFile, expected.get(name));
                }
                if (selected.put(name, nameInFile) != null) {
                    throw new UserError(file.source() + ": two tensors are the weight '" + name + "'");
                }
            } else if (!HARMLESS.matcher(name).matches()) {
                unused.add(nameInFile);
            }
        }
        Set<String> missing = new HashSet<>(expected.keySet());
        missing.removeAll(selected.keySet());
        if (!missing.isEmpty()) {
            throw new UserError(file.source() + ": no tensor for " + missing.size() + " of the model's weights: "
                    + some(missing.stream().sorted().toList()));
        }
        if (!unused.isEmpty()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: {1} tensors are no part of this model and are not used: {2}",
                    file.source(),
                    unused.size(),
                    some(unused));
        }
        return selected;
    }

    private void checkShape(String name, Shape expected) {
        Shape found = file.shape().apply(name);
        if (!found.equals(expected)) {
            throw new UserError(file.source() + ": tensor '" + name + "' has shape " + found + ", expected " + expected
                    + " by the configuration");
        }
    }

    private void checkClassifier(String name) {
        Shape found = file.shape().apply(name);
        boolean fits =
                name.endsWith(".bias") ? found.rank() == 1 : found.rank() == 2 && found.dim(1) == config.hidden();
        if (!fits) {
            throw new UserError(file.source() + ": tensor '" + name + "' has shape " + found + ", expected "
                    + (name.endsWith(".bias") ? "[labels]" : "[labels, " + config.hidden() + "]"));
        }
    }

    /** Files converted from TensorFlow call a normalisation's weight gamma and its bias beta. */
    private static String canonical(String name) {
        String full = BARE.matcher(name).matches() ? PREFIX + name : name;
        return full.replaceFirst("LayerNorm\\.gamma$", "LayerNorm.weight")
                .replaceFirst("LayerNorm\\.beta$", "LayerNorm.bias");
    }

    private static String some(List<String> names) {
        String listed = String.join(", ", names.subList(0, Math.min(NAMED_AT_MOST, names.size())));
        return listed.replaceAll("\\p{Cntrl}", "?") + (names.size() > NAMED_AT_MOST ? ", ..." : "");
    }
}
