package org.attune.models;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.Quantiser;

/** Brings a file's weights under the family's names, checks them against the configuration and copies them into an engine. */
final class ModelWeights {
    private static final System.Logger LOG = System.getLogger(ModelWeights.class.getName());
    private static final int NAMED_AT_MOST = 5;

    private final Architecture architecture;
    private final Modules modules;
    private final WeightFile file;

    private ModelWeights(Architecture architecture, WeightFile file) {
        this.architecture = architecture;
        this.modules = architecture.modules();
        this.file = file;
    }

    /** The model's weights, and those of a classifier where there is one, in the file's order; the caller closes them. */
    static Map<String, Tensor> load(Architecture architecture, WeightFile file, TensorEngine engine, WeightForm form) {
        ModelWeights weights = new ModelWeights(architecture, file);
        return weights.copy(weights.select(), engine, form); // all is checked before the first byte is copied
    }

    private Map<String, Tensor> copy(Map<String, String> stored, TensorEngine engine, WeightForm form) {
        if (form.weights() == Weights.BLOCKS) {
            checkBlocks(stored.values(), engine);
        }
        form.weights().quantised().ifPresent(type -> checkQuantised(stored.keySet(), type));
        Map<String, Tensor> weights = new LinkedHashMap<>();
        try {
            stored.forEach((name, nameInFile) -> {
                Shape shape = file.shape(nameInFile);
                DType type = shape.rank() >= 2 ? form.matrices() : engine.dtype();
                boolean turned = isTransposed(name, nameInFile);
                Optional<BlockType> quantised = form.weights().quantised().filter(q -> isQuantised(name, q));
                if (quantised.isPresent()) {
                    Tensor weight = Tensor.inBlocks(engine, turned ? transposed(shape) : shape, quantised.get(), type);
                    weights.put(name, weight);
                    engine.writeBlocks(
                            Quantiser.quantise(
                                    quantised.get(),
                                    numbers(nameInFile, turned),
                                    weight.shape().dim(1)),
                            weight.storage());
                    return;
                }
                Optional<BlockType> blocks =
                        form.weights() == Weights.BLOCKS && !turned ? blocks(nameInFile, engine) : Optional.empty();
                if (blocks.isPresent()) {
                    Tensor weight = Tensor.inBlocks(engine, shape, blocks.get(), type);
                    weights.put(name, weight);
                    readBlocks(nameInFile, blocks.get(), engine, weight);
                    return;
                }
                Tensor weight = Tensor.zeros(engine, turned ? transposed(shape) : shape, type);
                weights.put(name, weight);
                if (turned) {
                    try (Tensor asStored = Tensor.zeros(engine, shape, type)) {
                        read(nameInFile, engine, asStored);
                        int[] dims = {shape.dim(0), shape.dim(1)};
                        engine.permute(asStored.storage(), dims, new int[] {1, 0}, weight.storage());
                    }
                } else {
                    read(nameInFile, engine, weight);
                }
            });
            return weights;
        } catch (Throwable t) {
            weights.values().forEach(Tensor::close);
            throw t;
        }
    }

    /** The elements of a matrix as the model has it. */
    private float[] numbers(String nameInFile, boolean turned) {
        Shape shape = file.shape(nameInFile);
        float[] numbers = new float[Math.toIntExact(shape.size())];
        int[] done = {0};
        file.read(nameInFile, (block, length) -> {
            for (int i = 0; i < length; i++, done[0]++) {
                int at = turned ? done[0] % shape.dim(1) * shape.dim(0) + done[0] / shape.dim(1) : done[0];
                numbers[at] = block[i];
            }
        });
        return numbers;
    }

    /** Whether a weight is a linear map's inside a layer, such as is quantised. */
    private boolean isQuantised(String name, BlockType type) {
        List<AttachPoint> points = modules.attachPoints();
        return points.stream()
                .filter(p -> p.kind() == Kind.LINEAR && name.equals(p.path() + ".weight"))
                .filter(p -> points.stream()
                        .anyMatch(b -> b.kind() == Kind.BLOCK && p.path().startsWith(b.path() + ".")))
                .anyMatch(p -> Quantiser.takes(type, p.in()));
    }

    private void checkQuantised(Collection<String> names, BlockType type) {
        if (names.stream().noneMatch(name -> isQuantised(name, type))) {
            throw new UserError(file.source() + ": no matrix of this model can be quantised to " + type
                    + ", whose rows are blocks of " + type.elements() + "; choose weights: nf4");
        }
    }

    private void read(String nameInFile, TensorEngine engine, Tensor into) {
        long[] done = {0};
        file.read(nameInFile, (block, length) -> {
            engine.write(block, 0, length, into.storage().slice(done[0], length));
            done[0] += length;
        });
    }

    /** The type of the blocks that a matrix may stay in. */
    private Optional<BlockType> blocks(String nameInFile, TensorEngine engine) {
        return file.shape(nameInFile).rank() == 2
                ? file.blockType(nameInFile).filter(engine.blockTypes()::contains)
                : Optional.empty();
    }

    private void checkBlocks(Collection<String> namesInFile, TensorEngine engine) {
        if (namesInFile.stream().noneMatch(name -> blocks(name, engine).isPresent())) {
            throw new UserError(file.source() + ": no matrix of this model lies in blocks that it could stay in ("
                    + engine.blockTypes().stream()
                            .filter(type -> !Quantiser.takes(type, type.elements()))
                            .sorted()
                            .map(BlockType::name)
                            .collect(Collectors.joining(", "))
                    + " of a GGUF file); leave out weights: blocks");
        }
    }

    private void readBlocks(String nameInFile, BlockType type, TensorEngine engine, Tensor into) {
        long[] done = {0};
        file.readBlocks(nameInFile, blocks -> {
            long n = (long) blocks.remaining() / type.bytes() * type.elements();
            engine.writeBlocks(blocks, into.storage().slice(done[0], n));
            done[0] += n;
        });
    }

    private boolean isTransposed(String name, String nameInFile) {
        return file.isTransposed(nameInFile, modules.transposedInFiles(name));
    }

    /** Name of each weight to its name in the file, in the file's order. */
    private Map<String, String> select() {
        Map<String, Shape> expected = modules.weights();
        String head = architecture.classifierPath();
        Map<String, String> selected = new LinkedHashMap<>();
        List<String> unused = new ArrayList<>();
        for (String nameInFile : file.names()) {
            String name = architecture.canonical(nameInFile);
            boolean isClassifier = name.equals(head + ".weight") || name.equals(head + ".bias");
            if (isClassifier || expected.containsKey(name)) {
                if (isClassifier) {
                    checkClassifier(nameInFile);
                } else {
                    checkShape(
                            nameInFile,
                            isTransposed(name, nameInFile) ? transposed(expected.get(name)) : expected.get(name));
                }
                if (selected.put(name, nameInFile) != null) {
                    throw new UserError(file.source() + ": two tensors are the weight '" + name + "'");
                }
            } else if (!architecture.harmless(name) && !architecture.tied().containsKey(name)) {
                unused.add(nameInFile);
            }
        }
        Set<String> missing = modules.missing(selected.keySet());
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

    private static Shape transposed(Shape shape) {
        return Shape.of(shape.dim(1), shape.dim(0));
    }

    private void checkShape(String name, Shape expected) {
        Shape found = file.shape(name);
        if (!found.equals(expected)) {
            throw new UserError(file.source() + ": tensor '" + name + "' has shape " + found + ", expected " + expected
                    + " by the configuration");
        }
    }

    private void checkClassifier(String name) {
        Shape found = file.shape(name);
        int hidden = architecture.hiddenSize();
        boolean fits = name.endsWith(".bias") ? found.rank() == 1 : found.rank() == 2 && found.dim(1) == hidden;
        if (!fits) {
            throw new UserError(file.source() + ": tensor '" + name + "' has shape " + found + ", expected "
                    + (name.endsWith(".bias") ? "[labels]" : "[labels, " + hidden + "]"));
        }
    }

    private static String some(List<String> names) {
        String listed = String.join(", ", names.subList(0, Math.min(NAMED_AT_MOST, names.size())));
        return listed.replaceAll("\\p{Cntrl}", "?") + (names.size() > NAMED_AT_MOST ? ", ..." : "");
    }
}
