package org.attune.models.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.attune.models.WeightFile;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FloatBlocks;

/** A GGUF file's weights under Hugging Face's names and in their order of rows. */
final class GgufWeights implements WeightFile {
    private final GgufFile file;
    private final GgufArchitecture architecture;
    private final Map<String, String> nameInFile = new LinkedHashMap<>();

    GgufWeights(GgufFile file, GgufArchitecture architecture) {
        this.file = file;
        this.architecture = architecture;
        for (String name : file.names()) {
            if (!name.equals(GgufRotary.FACTORS)) { // part of the configuration
                nameInFile.put(architecture.names().huggingFace(name), name);
            }
        }
    }

    @Override
    public String source() {
        return file.source();
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(nameInFile.keySet());
    }

    @Override
    public Shape shape(String name) {
        return file.shape(nameInFile.get(name));
    }

    /** Linear maps lie as [out, in], GPT-2's too. */
    @Override
    public boolean isTransposed(String name, boolean usually) {
        return false;
    }

    @Override
    public void read(String name, FloatBlocks blocks) {
        String stored = nameInFile.get(name);
        int heads = architecture.interleavedHeads(stored, file.metadata());
        float offset = architecture.offset(stored);
        if (heads > 0) {
            readHalves(stored, heads, blocks);
        } else if (offset != 0) {
            file.read(stored, (block, length) -> {
                for (int i = 0; i < length; i++) {
                    block[i] -= offset;
                }
                blocks.accept(block, length);
            });
        } else {
            file.read(stored, blocks);
        }
    }

    /** A head at a time: its even rows are the first half, its odd ones the second. */
    private void readHalves(String stored, int heads, FloatBlocks blocks) {
        Shape shape = file.shape(stored);
        int headSize = shape.dim(0) / heads;
        if (headSize % 2 != 0 || headSize * heads != shape.dim(0)) {
            throw file.invalid("tensor '" + stored + "' has " + shape.dim(0) + " rows, expected " + heads
                    + " heads of an even number");
        }
        int columns = (int) (shape.size() / shape.dim(0));
        float[] halves = new float[headSize * columns];
        file.read(stored, halves.length, (pairs, length) -> {
            for (int row = 0; row < headSize; row++) {
                int to = row % 2 * headSize / 2 + row / 2;
                System.arraycopy(pairs, row * columns, halves, to * columns, columns);
            }
            blocks.accept(halves, length);
        });
    }
}
