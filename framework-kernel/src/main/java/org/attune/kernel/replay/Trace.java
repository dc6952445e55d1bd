package org.attune.kernel.replay;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.kernel.run.PeftNames;
import org.attune.kernel.step.Note;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.TensorFile;
import org.attune.training.Sample;

/**
 * A trace folder as read from its files.
 *
 * @param model name of the model, a folder below {@code models} in the nearest folder above that has such a one
 * @param method name of the method
 * @param perToken whether labels are one a token (a language model) rather than one a sequence
 * @param batches the samples of each step
 * @param probe the samples whose logits are compared
 * @param config the PEFT configuration; empty where the method has none
 * @param trainable how many numbers were trained
 * @param initial values of the parameters before the first step, by state dictionary name; a P-tuning encoder, which PEFT does not
 *     save, as PyTorch drew it
 * @param last the same after the last step
 * @param weights how the base model is held
 * @param freezing what a method that freezes did at each step; missing where it does not
 */
record Trace(
        Path folder,
        String model,
        String method,
        double lr,
        double weightDecay,
        double clip,
        double[] losses,
        double[] gradientNorms,
        double finalLoss,
        boolean perToken,
        List<List<Sample>> batches,
        List<Sample> probe,
        double[] logitsBefore,
        double[] logitsAfter,
        Optional<Map<String, Object>> config,
        long trainable,
        Map<String, double[]> initial,
        Map<String, double[]> last,
        JsonNode freezing,
        Weights weights) {

    private static final Pattern QUANTISED =
            Pattern.compile(".*dequantise\\(NF4 block 64, double quantisation (True|False)\\)");

    private static final Set<String> STARTS = Set.of("pissa", "olora");

    static Trace read(Path folder) {
        JsonNode json = json(folder.resolve("trace.json"));
        double[] losses = numbers(json, "losses", folder);
        List<List<Sample>> batches = new ArrayList<>();
        boolean perToken;
        try (TensorFile file = TensorFile.open(folder.resolve("batches.safetensors"))) {
            perToken = file.shape("labels.0").rank() == 2;
            for (int step = 0; step < losses.length; step++) {
                batches.add(samples(file, "." + step, folder));
            }
        }
        List<Sample> probe;
        double[] before;
        double[] after;
        try (TensorFile file = TensorFile.open(folder.resolve("probe.safetensors"))) {
            probe = samples(file, "", folder);
            before = logits(file, "logits_before", probe);
            after = logits(file, "logits_after", probe);
        }
        Path init = folder.resolve("adapter_init");
        boolean adapter = Files.isDirectory(init);
        Optional<Map<String, Object>> config =
                adapter ? Optional.of(config(init.resolve("adapter_config.json"), json)) : Optional.empty();
        PeftNames names = PeftNames.of(config.map(c -> c.get("peft_type")).orElse(null));
        Map<String, double[]> initial =
                adapter ? tensors(init.resolve("adapter_model.safetensors"), names) : new LinkedHashMap<>();
        long trainable = (long) number(json, "trainable", folder);
        config.ifPresent(c -> DrawnEncoder.complete(c, json.path("seed").asLong(), trainable, initial));
        return new Trace(
                folder,
                json.path("model").asText(),
                json.path("method").asText(),
                number(json, "lr", folder),
                number(json, "weight_decay", folder),
                number(json, "clip", folder),
                losses,
                numbers(json, "grad_norms", folder),
                number(json, "final_loss", folder),
                perToken,
                batches,
                probe,
                before,
                after,
                config,
                trainable,
                initial,
                tensors(
                        adapter
                                ? folder.resolve("adapter_final/adapter_model.safetensors")
                                : folder.resolve("final.safetensors"),
                        names),
                json.path("freezing"),
                weights(json.path("base").asText(), folder));
    }

    /**
     * How a step's notes differ from the trace: what was frozen has to be the same, and every number that a method logs under a name
     * that the trace has too, but for a thousandth. Empty where nothing differs.
     */
    String difference(int step, List<Note> notes) {
        if (freezing.isMissingNode()) {
            return "";
        }
        JsonNode expected = freezing.path(step);
        List<String> frozen = new ArrayList<>();
        List<String> numbers = new ArrayList<>();
        for (Note note : notes) {
            if (note.name().equals("frozen") && note.value() instanceof List<?> names) {
                names.forEach(name -> frozen.add(String.valueOf(name)));
            } else if (note.value() instanceof Map<?, ?> map) {
                map.forEach((key, value) -> {
                    JsonNode theirs = expected.path(String.valueOf(key));
                    if (value instanceof Number ours
                            && theirs.isNumber()
                            && !(Math.abs(ours.doubleValue() - theirs.asDouble())
                                    <= 1e-3 * Math.abs(theirs.asDouble()))) {
                        numbers.add(key + " is " + ours + ", not " + theirs);
                    }
                });
            }
        }
        List<String> theirs = new ArrayList<>();
        expected.path("frozen_now").forEach(name -> theirs.add(name.asText()));
        if (!frozen.equals(theirs)) {
            numbers.add("frozen are " + frozen + ", not " + theirs);
        }
        return numbers.isEmpty() ? "" : "step " + step + ": " + String.join(", ", numbers);
    }

    /** What is said of the base model; nothing where it is the file's. */
    private static Weights weights(String base, Path folder) {
        if (base.isEmpty()) {
            return Weights.DECODED;
        }
        Matcher quantised = QUANTISED.matcher(base);
        if (!quantised.matches()) {
            throw new UserError(
                    folder.resolve("trace.json") + ": expected NF4 in blocks of 64 as 'base', found " + base);
        }
        return quantised.group(1).equals("True") ? Weights.NF4 : Weights.NF4_SINGLE;
    }

    private static JsonNode json(Path file) {
        try {
            return new ObjectMapper().readTree(Files.readString(file));
        } catch (IOException e) {
            throw new UserError(
                    file + ": cannot be read as a trace; expected a folder with trace.json, "
                            + "batches.safetensors and probe.safetensors",
                    e);
        }
    }

    /** With what PEFT gives the optimiser or the base and not the configuration. */
    private static Map<String, Object> config(Path file, JsonNode trace) {
        Map<String, Object> config =
                new ObjectMapper().convertValue(json(file), new TypeReference<LinkedHashMap<String, Object>>() {});
        if (trace.has("loraplus_lr_ratio")) {
            config.put("loraplus_lr_ratio", trace.get("loraplus_lr_ratio").numberValue());
        }
        if (STARTS.contains(
                trace.path("method").asText())) { // saved as plain ones, for the base without what they begin as
            config.put("init_lora_weights", trace.path("method").asText());
        }
        return config;
    }

    private static double number(JsonNode json, String key, Path folder) {
        if (!json.path(key).isNumber()) {
            throw new UserError(
                    folder.resolve("trace.json") + ": expected a number as '" + key + "', found " + json.path(key));
        }
        return json.path(key).asDouble();
    }

    private static double[] numbers(JsonNode json, String key, Path folder) {
        JsonNode list = json.path(key);
        if (!list.isArray() || list.isEmpty()) {
            throw new UserError(folder.resolve("trace.json") + ": expected a list of numbers as '" + key + "'");
        }
        double[] values = new double[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i).asDouble();
        }
        return values;
    }

    private static Map<String, double[]> tensors(Path path, PeftNames names) {
        Map<String, double[]> values = new LinkedHashMap<>();
        try (TensorFile file = TensorFile.open(path)) {
            for (String name : file.names()) {
                names.ours(name).ifPresent(ours -> values.put(ours, file.doubles(name)));
            }
        }
        return values;
    }

    /**
     * One row a sequence, or one a token [sequences, padded length, classes], perhaps with virtual tokens before the others: those of
     * padding are left out.
     */
    private static double[] logits(TensorFile file, String name, List<Sample> probe) {
        double[] padded = file.doubles(name);
        Shape shape = file.shape(name);
        if (shape.rank() == 2) {
            return padded;
        }
        int classes = shape.dim(2);
        int virtual = shape.dim(1) - file.shape("input_ids").dim(1);
        int tokens = probe.stream().mapToInt(s -> virtual + s.ids().length).sum();
        double[] packed = new double[tokens * classes];
        int at = 0;
        for (int s = 0; s < probe.size(); s++) {
            int length = (virtual + probe.get(s).ids().length) * classes;
            System.arraycopy(padded, s * shape.dim(1) * classes, packed, at, length);
            at += length;
        }
        return packed;
    }

    /** The rows of a padded batch without their padding. */
    private static List<Sample> samples(TensorFile file, String suffix, Path folder) {
        int[] ids = file.ints("input_ids" + suffix);
        int[] mask = file.ints("attention_mask" + suffix);
        int[] labels = file.ints("labels" + suffix);
        int rows = file.shape("input_ids" + suffix).dim(0);
        int width = file.shape("input_ids" + suffix).dim(1);
        int perRow = labels.length / rows;
        List<Sample> samples = new ArrayList<>();
        for (int r = 0; r < rows; r++) {
            int length = 0;
            while (length < width && mask[r * width + length] == 1) {
                length++;
            }
            for (int i = length; i < width; i++) {
                if (mask[r * width + i] != 0) {
                    throw new UserError(
                            folder + ": row " + r + " of input_ids" + suffix + " is not padded at its right end");
                }
            }
            int[] row = Arrays.copyOfRange(ids, r * width, r * width + length);
            int from = r * perRow;
            int[] rowLabels = Arrays.copyOfRange(labels, from, from + (perRow == 1 ? 1 : length));
            samples.add(new Sample(r, row, new int[length], rowLabels));
        }
        return samples;
    }
}
