package org.attune.kernel.run;

import java.util.Collection;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Names of tensors in PEFT's files and here. There they begin with {@code base_model.model.}, and what an adapted module has of its
 * own lies in its {@code base_layer}: {@code base_model.model.PATH.base_layer.bias} is {@code PATH.bias} here. What all modules share
 * is {@code base_model.NAME} on both sides.
 */
public final class PeftNames {
    private static final String SHARED = "base_model.";
    private static final String PREFIX = SHARED + "model.";
    private static final String BASE_LAYER = ".base_layer.";
    /** Where LN tuning keeps its copy of a normalisation, which here takes the base model's place under its name. */
    private static final String NORM_COPY = ".ln_tuning_layers.";
    /**
     * Second copies of what is there under its plain name: PEFT writes them where biases are trained, and for a head that shares the
     * rows of an embedding's trained tokens.
     */
    private static final Pattern COPY = Pattern.compile(
            ".*\\.(modules_to_save|original_module)\\..*|(.*\\.)?(lm_head|decoder)\\.trainable_tokens_delta");

    private PeftNames() {}

    /** The name of a tensor of a file; empty where the file has it under its plain name too. */
    public static Optional<String> ours(String inFile) {
        String name = inFile.startsWith(PREFIX) ? inFile.substring(PREFIX.length()) : inFile;
        return COPY.matcher(name).matches()
                ? Optional.empty()
                : Optional.of(name.replace(BASE_LAYER, ".").replace(NORM_COPY, "."));
    }

    /**
     * The name in a file.
     *
     * @param all the names of all parameters: they tell which modules are adapted
     * @param base whether a name is that of a weight of the base model
     */
    static String inFile(String ours, Collection<String> all, Predicate<String> base) {
        if (ours.startsWith(SHARED)) {
            return ours;
        }
        int dot = ours.lastIndexOf('.');
        String module = ours.substring(0, dot + 1);
        String own = ours.substring(dot + 1);
        boolean adapted = base.test(ours)
                && isOwn(own)
                && all.stream().anyMatch(n -> n.startsWith(module) && !isOwn(n.substring(module.length())));
        return PREFIX + (adapted ? ours.substring(0, dot) + BASE_LAYER + own : ours);
    }

    private static boolean isOwn(String lastName) {
        return lastName.equals("weight") || lastName.equals("bias");
    }
}
