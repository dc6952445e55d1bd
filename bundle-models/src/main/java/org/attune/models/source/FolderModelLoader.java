package org.attune.models.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.attune.model.Model;
import org.attune.model.ModelLoader;
import org.attune.model.NewModel;
import org.attune.model.WeightForm;
import org.attune.models.Architecture;
import org.attune.models.Families;
import org.attune.models.Fingerprint;
import org.attune.models.ModelConfig;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.TransformerModel;
import org.attune.models.chat.ChatFiles;
import org.attune.models.gguf.GgufModel;
import org.attune.models.make.ModelMaker;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.service.component.annotations.Component;

/**
 * Loads a Hugging Face folder (config.json, model.safetensors or its parts, tokenizer.json), a GGUF file, or a folder with one.
 * Every source that has no scheme ({@code maven:}) is a path.
 */
@Component(property = "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.tokenizers)")
@AttunePlugin(
        name = "folder",
        description =
                "models from a Hugging Face folder (config.json, model.safetensors, tokenizer.json) or a GGUF file")
public final class FolderModelLoader implements ModelLoader {
    /** At least two letters: one is a drive of Windows. */
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:.*");

    private static final String CONFIG = "config.json";
    private static final String TOKENIZER = "tokenizer.json";

    @Override
    public Optional<Model> load(String source, Path base, TensorEngine engine, WeightForm form) {
        if (SCHEME.matcher(source).matches()) {
            return Optional.empty();
        }
        Path path = base.resolve(source);
        if (!Files.exists(path)) {
            throw new UserError(path + ": no such folder; expected a Hugging Face folder, a GGUF file, hf:org/name or"
                    + " maven:group:artifact");
        }
        Optional<Path> gguf = gguf(path);
        if (gguf.isPresent()) {
            return Optional.of(GgufModel.load(gguf.get(), engine, form));
        }
        Path configFile = path.resolve(CONFIG);
        byte[] configJson = read(configFile, "so this is no Hugging Face model");
        ModelConfig config = ModelConfig.parse(configFile.toString(), configJson);
        return Optional.of(model(path, config, configJson, engine, form));
    }

    /** A file itself, or the one in a folder that is not Hugging Face's. */
    private static Optional<Path> gguf(Path path) {
        if (!Files.isDirectory(path)) {
            return Optional.of(path);
        }
        if (Files.exists(path.resolve(CONFIG))) {
            return Optional.empty();
        }
        try (Stream<Path> files = Files.list(path)) {
            List<Path> found = files.filter(
                            file -> file.getFileName().toString().endsWith(".gguf"))
                    .sorted()
                    .toList();
            if (found.size() > 1) {
                throw new UserError(path + ": several GGUF files; name one: "
                        + found.stream().map(Path::toString).collect(Collectors.joining(", ")));
            }
            return found.stream().findFirst();
        } catch (IOException e) {
            throw UserError.cannot("read", path, e);
        }
    }

    @Override
    public Optional<Map<String, byte[]>> files(String source, Path base) {
        Path path = base.resolve(source);
        if (SCHEME.matcher(source).matches() || !Files.exists(path)) {
            return Optional.empty();
        }
        return Optional.of(gguf(path).map(GgufModel::files).orElseGet(() -> ModelFiles.in(path)));
    }

    @Override
    public boolean create(NewModel plan, Iterable<String> texts, Path folder) {
        ModelMaker.make(plan, texts, folder);
        return true;
    }

    private static Model model(
            Path folder, ModelConfig config, byte[] configJson, TensorEngine engine, WeightForm form) {
        Architecture architecture = Families.read(config);
        checkWeights(folder);
        byte[] tokenizerJson = read(
                folder.resolve(TOKENIZER), "and no other form is read; save_pretrained of a fast tokenizer writes it");
        try (SafetensorsWeights weights = SafetensorsWeights.open(folder)) {
            Fingerprint fingerprint = new Fingerprint().add(configJson);
            for (Path file : weights.paths()) {
                fingerprint.add(file);
            }
            PretrainedTokenizer tokenizer =
                    PretrainedTokenizer.read(folder.resolve(TOKENIZER).toString(), tokenizerJson);
            return TransformerModel.create(
                    architecture,
                    fingerprint.text(),
                    tokenizer,
                    t -> ChatFiles.read(folder, config, t),
                    weights,
                    engine,
                    form);
        }
    }

    private static void checkWeights(Path folder) {
        if (Files.exists(folder.resolve(SafetensorsWeights.SINGLE))
                || Files.exists(folder.resolve(SafetensorsWeights.INDEX))) {
            return;
        }
        String other = "pytorch_model.bin";
        throw new UserError(folder + ": "
                + (Files.exists(folder.resolve(other))
                        ? "there is " + other + ", which may hold code; save the model again as safetensors"
                        : "no " + SafetensorsWeights.SINGLE));
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
