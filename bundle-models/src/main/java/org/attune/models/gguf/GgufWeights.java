package org.attune.models.gguf;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.attune.models.WeightFile;
import org.attune.tensor.Shape;
import org.attune.tensor.io.BlockType;
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

    /** Where nothing but decoding is to be done with the numbers. */
    @Override
    public Optional<BlockType> blockType(String name) {
        String stored = nameInFile.get(name);
        return architecture.offset(stored) == 0 ? file.type(stored).kept() : Optional.empty();
    }

    @Override
    public void readBlocks(String name, Consumer<ByteBuffer> blocks) {
        String stored = nameInFile.get(name);
        int heads = architecture.interleavedHeads(stored, file.metadata());
        if (heads == 0) {
            file.readBytes(stored, GgufFile.BLOCK, blocks);
            return;
        }
        int rows = headSize(stored, heads);
        int columns = columns(stored);
        ByteBuffer halves = ByteBuffer.allocate(rows
                * columns
                / file.type(stored).blockSize()
                * file.type(stored).blockBytes());
        int row = halves.capacity() / rows;
        file.readBytes(stored, rows * columns, pairs -> {
            for (int i = 0; i < rows; i++) {
                halves.put(halfRow(i, rows) * row, pairs, i * row, row);
            }
            blocks.accept(halves.clear());
        });
    }

    /** A head at a time: its even rows are the first half, its odd ones the second. */
    private void readHalves(String stored, int heads, FloatBlocks blocks) {
        int headSize = headSize(stored, heads);
        int columns = columns(stored);
        float[] halves = new float[headSize * columns];
        file.read(stored, halves.length, (pairs, length) -> {
            for (int row = 0; row < headSize; row++) {
                System.arraycopy(pairs, row * columns, halves, halfRow(row, headSize) * columns, columns);
            }
            blocks.accept(halves, length);
        });
    }

    private static int halfRow(int row, int headSize) {
        return row % 2 * headSize / 2 + row / 2;
    }

    private int columns(String stored) {
        Shape shape = file.shape(stored);
        return (int) (shape.size() / shape.dim(0));
    }

    private int headSize(String stored, int heads) {
        Shape shape = file.shape(stored);
        int headSize = shape.dim(0) / heads;
        if (headSize % 2 != 0 || headSize * heads != shape.dim(0)) {
            throw file.invalid("tensor '" + stored + "' has " + shape.dim(0) + " rows, expected " + heads
                    + " heads of an even number");
        }
        return headSize;
    }
}
