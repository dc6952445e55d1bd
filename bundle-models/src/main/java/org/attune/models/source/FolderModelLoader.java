package org.attune.models.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.attune.model.Model;
import org.attune.model.ModelLoader;
import org.attune.model.NewModel;
import org.attune.models.Architecture;
import org.attune.models.Families;
import org.attune.models.Fingerprint;
import org.attune.models.ModelConfig;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.TransformerModel;
import org.attune.models.WeightFile;
import org.attune.models.make.ModelMaker;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.osgi.service.component.annotations.Component;

/**
 * Loads a Hugging Face folder: config.json, model.safetensors, tokenizer.json. Every source that has no scheme
 * ({@code maven:}) is the path of a folder.
 */
@Component(property = "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.tokenizers)")
@AttunePlugin(
        name = "folder",
        description = "models from a Hugging Face folder: config.json, model.safetensors, tokenizer.json")
public final class FolderModelLoader implements ModelLoader {
    /** At least two letters: one is a drive of Windows. */
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:.*");

    private static final String WEIGHTS = "model.safetensors";
    private static final String TOKENIZER = "tokenizer.json";

    @Override
    public Optional<Model> load(String source, Path base, TensorEngine engine, DType matrices) {
        if (SCHEME.matcher(source).matches()) {
            return Optional.empty();
        }
        Path folder = base.resolve(source);
        if (!Files.isDirectory(folder)) {
            throw new UserError(folder + ": " + (Files.exists(folder) ? "is not a folder" : "no such folder")
                    + "; expected a Hugging Face folder, hf:org/name or maven:group:artifact");
        }
        Path configFile = folder.resolve("config.json");
        byte[] configJson = read(configFile, "so this is no Hugging Face model");
        ModelConfig config = ModelConfig.parse(configFile.toString(), configJson);
        return Optional.of(model(folder, Families.read(config), configJson, engine, matrices));
    }

    @Override
    public Optional<Map<String, byte[]>> files(String source, Path base) {
        Path folder = base.resolve(source);
        return SCHEME.matcher(source).matches() || !Files.isDirectory(folder)
                ? Optional.empty()
                : Optional.of(ModelFiles.in(folder));
    }

    @Override
    public boolean create(NewModel plan, Iterable<String> texts, Path folder) {
        ModelMaker.make(plan, texts, folder);
        return true;
    }

    private static Model model(
            Path folder, Architecture architecture, byte[] configJson, TensorEngine engine, DType matrices) {
        Path weightFile = weightFile(folder);
        byte[] tokenizerJson = read(
                folder.resolve(TOKENIZER), "and no other form is read; save_pretrained of a fast tokenizer writes it");
        try (TensorFile weights = TensorFile.open(weightFile)) {
            String fingerprint =
                    new Fingerprint().add(configJson).add(weightFile).text();
            return TransformerModel.create(
                    architecture,
                    fingerprint,
                    PretrainedTokenizer.read(folder.resolve(TOKENIZER).toString(), tokenizerJson),
                    WeightFile.of(weightFile.toString(), weights),
                    engine,
                    matrices);
        } catch (IOException e) {
            throw new UserError(weightFile + ": cannot read: " + e.getMessage(), e);
        }
    }

    private static Path weightFile(Path folder) {
        Path file = folder.resolve(WEIGHTS);
        if (Files.exists(file)) {
            return file;
        }
        for (String other : List.of(WEIGHTS + ".index.json", "pytorch_model.bin")) {
            if (Files.exists(folder.resolve(other))) {
                throw new UserError(folder + ": there is " + other + ", but weights are read from one " + WEIGHTS
                        + "; save the model again as one safetensors file");
            }
        }
        throw new UserError(folder + ": no " + WEIGHTS);
    }

    private static byte[] read(Path file, String ifMissing) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new UserError(file.getParent() + ": no " + file.getFileName() + ", " + ifMissing, e);
        } catch (IOException e) {
            throw new UserError(file + ": cannot read: " + e.getMessage(), e);
        }
    }
}
