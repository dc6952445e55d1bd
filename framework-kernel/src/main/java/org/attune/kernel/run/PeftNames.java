package org.attune.kernel.run;

import java.util.Collection;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Names of tensors in PEFT's files and here. There they begin with {@code base_model.model.}, and what an adapted module has of its
 * own lies in its {@code base_layer}: {@code base_model.model.PATH.base_layer.bias} is {@code PATH.bias} here. What all modules share
 * is {@code base_model.NAME} on both sides. Methods that leave the modules as they are and put something before a text have
 * {@code base_model.PATH} for a module's own tensors, and their own under plain names.
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
    /** Of the methods that put something before a text, by {@code peft_type}. */
    private static final Set<String> PROMPTS = Set.of("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING");

    private static final Pattern OF_PROMPT = Pattern.compile("prompt_(embeddings|encoder\\..*)");

    private final boolean prompt;

    private PeftNames(boolean prompt) {
        this.prompt = prompt;
    }

    /** @param type {@code peft_type} */
    public static PeftNames of(Object type) {
        return new PeftNames(type instanceof String text && PROMPTS.contains(text));
    }

    /** The name of a tensor of a file; empty where the file has it under its plain name too. */
    public Optional<String> ours(String inFile) {
        String prefix = prompt ? SHARED : PREFIX;
        String name = inFile.startsWith(prefix) ? inFile.substring(prefix.length()) : inFile;
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
    String inFile(String ours, Collection<String> all, Predicate<String> base) {
        if (prompt) {
            return OF_PROMPT.matcher(ours).matches() ? ours : SHARED + ours;
        }
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
