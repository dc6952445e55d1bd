package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import org.junit.Before;
import org.junit.Test;
import org.osgi.framework.ServiceReference;

/** Mistakes that people make: each gives one line that says what, where, and how to mend it. */
public class BadInputIT extends InFramework {
    private Lab lab;
    private Path spec;

    @Before
    public void makeLab() throws IOException {
        // A folder for each test: a model stays in memory under its folder's name.
        lab = new Lab(Files.createTempDirectory(folder(), "lab"));
        spec = lab.specFile();
    }

    private record Said(int code, String out, String err) {}

    /** Calls the command line as the launcher does. */
    @SuppressWarnings({"rawtypes", "unchecked"}) // a service has no type parameters
    private Said attune(String... arguments) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream formerOut = System.out;
        PrintStream formerErr = System.err;
        Collection<ServiceReference<ToIntFunction>> found =
                context.getServiceReferences(ToIntFunction.class, "(attune.main=true)");
        ServiceReference<ToIntFunction> reference = found.iterator().next();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int code = ((ToIntFunction<String[]>) context.getService(reference)).applyAsInt(arguments);
            return new Said(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            context.ungetService(reference);
            System.setOut(formerOut);
            System.setErr(formerErr);
        }
    }

    /** The one line that a run says, and that it is a user's mistake. */
    private void refuses(String line, String... settings) throws Exception {
        String[] arguments = new String[3 + 2 * settings.length];
        arguments[0] = "run";
        arguments[1] = spec.toString();
        arguments[2] = "--quiet";
        for (int i = 0; i < settings.length; i++) {
            arguments[3 + 2 * i] = "--set";
            arguments[4 + 2 * i] = settings[i];
        }
        says(line, arguments);
    }

    private void says(String line, String... arguments) throws Exception {
        Said said = attune(arguments);
        assertThat(said.err()).isEqualTo("attune: " + line + "\n");
        assertThat(said.out()).isEmpty();
        assertThat(said.code()).isEqualTo(2);
    }

    private void edit(Path file, String from, String to) throws IOException {
        String text = Files.readString(file);
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
    }

    @Test
    public void anUnknownKey() throws Exception {
        edit(spec, "seed: 1", "sede: 1");
        refuses(spec
                + ":2: unknown key 'sede', did you mean 'seed'? Known keys: name, seed, threads, engine, precision, weights, model, data, trainer,"
                + " adapters, regularizers, sampler, optimizer, schedule, train, average, cache, evaluate, early_stopping, checkpoint,"
                + " baselines, base, output");
    }

    @Test
    public void aValueOfTheWrongType() throws Exception {
        edit(spec, "batch: 8", "batch: many");
        refuses(spec + ":11: train.batch: expected a whole number >= 1, found 'many'");
    }

    @Test
    public void anUnknownOptionOfAPlugin() throws Exception {
        edit(spec, "rank: 4", "rnak: 4");
        refuses(
                spec
                        + ":8: adapter 'lora' has no option 'rnak', did you mean 'rank'? Options: rank, alpha, dropout, targets,"
                        + " rslora, exclude, layers, layers_pattern, modules_to_save, rank_pattern, alpha_pattern, init, bias, loraplus_ratio, rho, tau, whiten, adjust_scaling_factors");
    }

    @Test
    public void rankZero() throws Exception {
        edit(spec, "rank: 4", "rank: 0");
        refuses(spec + ":8: adapter 'lora': rank must be >= 1, found 0");
    }

    @Test
    public void anUnknownPlugin() throws Exception {
        edit(spec, "name: lora", "name: lorra");
        refuses(
                spec
                        + ":8: no adapter 'lorra' is installed, did you mean 'lora'? Installed: adalora, adapter-fusion, aflora, bitfit, compacter, dora, feature-extraction, full, gradual-freezing, gradual-unfreezing, gralora, head-only, houlsby, hra, ia3, ln-tuning, loha, lokr, lora, lp-ft, mam, miss, oft, p-tuning, parallel, pfeiffer, prefix-tuning, prompt-tuning, trainable-tokens, unipelt, vera");
    }

    @Test
    public void aTargetThatMatchesNothing() throws Exception {
        edit(spec, "[query, value]", "[qeury, value]");
        refuses("tiny: " + spec
                + ":8: adapter 'lora': target 'qeury' matches no linear attach point; there are self.query, self.key, self.value, output.dense,"
                + " intermediate.dense, pooler.dense");
    }

    @Test
    public void aMissingSpec() throws Exception {
        says("nowhere.yaml: no such file", "run", "nowhere.yaml");
    }

    @Test
    public void aMissingDataFile() throws Exception {
        refuses("tiny: jsonl: train: absent.jsonl: no such file in " + lab.folder(), "data.train=absent.jsonl");
    }

    @Test
    public void aMissingModel() throws Exception {
        refuses(
                "tiny: " + lab.folder().resolve("absent")
                        + ": no such folder; expected a Hugging Face folder, a GGUF file, hf:org/name or maven:group:artifact",
                "model=absent");
    }

    @Test
    public void aSettingWithoutAValue() throws Exception {
        refuses("--set seed: expected KEY=VALUE, such as --set train.epochs=2", "seed");
    }

    @Test
    public void aTruncatedWeightFile() throws Exception {
        Path file = lab.folder().resolve("model/model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 1000));
        refuses("tiny: " + file
                + ": tensor 'bert.pooler.dense.weight': data_offsets [77056, 81152] reach beyond the file's 80280 bytes of"
                + " data: truncated?");
    }

    @Test
    public void aWeightFileWhoseHeaderLiesAboutItsLength() throws Exception {
        Path file = lab.folder().resolve("model/model.safetensors");
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 1L << 60);
        Files.write(file, bytes);
        refuses("tiny: " + file
                + ": the header's length is given as 1152921504606846976 bytes, expected 2 to 85400 in a file of 85408:"
                + " truncated, or not a safetensors file");
    }

    @Test
    public void aWeightFileWhoseHeaderLiesAboutAShape() throws Exception {
        Path file = lab.folder().resolve("model/model.safetensors");
        String bytes = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(bytes).contains("[64,32]");
        Files.writeString(file, bytes.replace("[64,32]", "[64,33]"), StandardCharsets.ISO_8859_1);
        refuses("tiny: " + file
                + ": tensor 'bert.encoder.layer.0.intermediate.dense.weight': data_offsets [25856, 34048] span 8192 bytes,"
                + " expected 8448 for F32 of shape [64, 33]");
    }

    @Test
    public void aMalformedLineOfData() throws Exception {
        Path file = lab.folder().resolve("train.jsonl");
        List<String> lines = Files.readAllLines(file);
        lines.set(16, "{\"text\": \"the cat\", \"label\": \"animal\"");
        Files.write(file, lines);
        refuses(
                "tiny: train.jsonl:17: not a JSON object at column 38: Unexpected end-of-input: expected close marker for Object");
    }

    @Test
    public void aLabelUnseenInTraining() throws Exception {
        Path file = lab.folder().resolve("test.jsonl");
        List<String> lines = Files.readAllLines(file);
        lines.set(4, "{\"text\": \"the cat\", \"label\": \"mineral\"}");
        Files.write(file, lines);
        refuses("tiny: test.jsonl:5: label 'mineral' was not seen in training; known labels: animal, plant, tool");
    }

    @Test
    public void aLossThatIsNotANumber() throws Exception {
        Said said =
                attune("run", spec.toString(), "--quiet", "--set", "optimizer.lr=1e30", "--set", "schedule.warmup=0");
        assertThat(said.code()).isEqualTo(2);
        try (var runs = Files.list(lab.folder().resolve("runs"))) {
            assertThat(said.err())
                    .matches(
                            "attune: tiny: step 2: the loss is NaN; examples (train\\.jsonl:\\d+, ){7}train\\.jsonl:\\d+;"
                                    + " last good checkpoint: step 0 in "
                                    + Pattern.quote(
                                            runs.findFirst().orElseThrow().toString())
                                    + "; a lower optimizer.lr or train.clip: 1 often helps\n");
        }
    }

    @Test
    public void anOutputFolderThatIsAFile() throws Exception {
        Path file = Files.writeString(lab.folder().resolve("taken"), "");
        refuses(
                "output folder " + file + ": there is a file of this name; choose another with output:",
                "output=" + file);
    }

    @Test
    public void nothingToResume() throws Exception {
        says(
                lab.folder() + ": not a run folder, it has no spec.yaml",
                "resume",
                lab.folder().toString());
    }

    @Test
    public void aCompletedRunIsNotResumed() throws Exception {
        Said said = attune("run", spec.toString(), "--quiet", "--set", "train.max_steps=1");
        assertThat(said.err()).isEmpty();
        assertThat(said.code()).isZero();
        try (var runs = Files.list(lab.folder().resolve("runs"))) {
            Path run = runs.findFirst().orElseThrow();
            says(
                    run + ": this run is complete, there is nothing to resume; see its report.json",
                    "resume",
                    run.toString());
        }
    }

    @Test
    public void aStudyWithAnUnknownKey() throws Exception {
        Path study = Files.writeString(
                lab.folder().resolve("study.yaml"), "base: " + spec + "\nvariant: {lora: {adapters.0.rank: 8}}\n");
        says(
                study
                        + ":2: unknown key 'variant', did you mean 'variants'? Known keys: base, seeds, variants, columns, timing, output",
                "study",
                study.toString());
    }

    @Test
    public void aStudyOfASpecThatIsWrong() throws Exception {
        Path study = Files.writeString(
                lab.folder().resolve("study.yaml"), "base: " + spec + "\nvariants: {lora: {train.batch: none}}\n");
        says(study + ":2: train.batch: expected a whole number >= 1, found 'none'", "study", study.toString());
    }

    @Test
    public void aMissingStudy() throws Exception {
        says("nowhere.yaml: no such file", "study", "nowhere.yaml");
    }

    @Test
    public void anUnknownCommand() throws Exception {
        Said said = attune("rum");
        assertThat(said.err()).matches("attune: no command \"rum\".*run.*; see: attune --help\\n");
        assertThat(said.out()).isEmpty();
        assertThat(said.code()).isEqualTo(2);
    }
}
