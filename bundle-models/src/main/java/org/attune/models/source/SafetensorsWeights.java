package org.attune.models.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.attune.models.ModelConfig;
import org.attune.models.WeightFile;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FloatBlocks;
import org.attune.tensor.io.TensorFile;

/**
 * The weights of a Hugging Face folder: {@code model.safetensors}, or the files among which {@code model.safetensors.index.json}
 * says that they are shared out.
 */
final class SafetensorsWeights implements WeightFile, AutoCloseable {
    static final String SINGLE = "model.safetensors";
    static final String INDEX = SINGLE + ".index.json";

    private final Path described;
    /** Open files by path, and the weights that each is read for. */
    private final Map<Path, TensorFile> files = new TreeMap<>();

    private final Map<String, TensorFile> byWeight = new LinkedHashMap<>();

    private SafetensorsWeights(Path described) {
        this.described = described;
    }

    /** @throws UserError if there is neither, or what is there is broken or incomplete */
    static SafetensorsWeights open(Path folder) {
        boolean single = Files.exists(folder.resolve(SINGLE));
        SafetensorsWeights weights = new SafetensorsWeights(folder.resolve(single ? SINGLE : INDEX));
        try {
            if (single) {
                weights.file(weights.described)
                        .names()
                        .forEach(name -> weights.byWeight.put(name, weights.file(weights.described)));
            } else {
                weights.readIndex();
            }
            return weights;
        } catch (Throwable t) {
            weights.close();
            throw t;
        }
    }

    private void readIndex() {
        ModelConfig map = ModelConfig.parse(described.toString(), read())
                .object("weight_map")
                .orElseThrow(() -> new UserError(described + ": weight_map is missing"));
        for (String name : map.keys()) {
            String shard = map.text(name);
            if (!shard.matches("[^/\\\\]+\\.safetensors")) {
                throw map.invalid(name, "the name of a safetensors file in the same folder");
            }
            Path path = described.resolveSibling(shard);
            TensorFile file = file(path);
            if (!file.names().contains(name)) {
                throw new UserError(path + ": no tensor '" + name.replaceAll("\\p{Cntrl}", "?") + "', which "
                        + described.getFileName() + " says is in it");
            }
            byWeight.put(name, file);
        }
    }

    private byte[] read() {
        try {
            return Files.readAllBytes(described);
        } catch (IOException e) {
            throw UserError.cannot("read", described, e);
        }
    }

    private TensorFile file(Path path) {
        return files.computeIfAbsent(path, TensorFile::open);
    }

    /** The files with weights, ordered by name. */
    List<Path> paths() {
        return List.copyOf(files.keySet());
    }

    @Override
    public String source() {
        return described.toString();
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(byWeight.keySet());
    }

    @Override
    public Shape shape(String name) {
        return byWeight.get(name).shape(name);
    }

    @Override
    public void read(String name, FloatBlocks blocks) {
        byWeight.get(name).floats(name, blocks);
    }

    @Override
    public void close() {
        files.values().forEach(TensorFile::close);
    }
}
