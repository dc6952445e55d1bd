package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.attune.kernel.plugins.ModelPool;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Further pretraining of a masked language model of transformers, and what transformers and PEFT make of the outcome. */
class MaskedExchangeTest {
    private static final List<String> MODULES = List.of("torch", "transformers", "peft", "tokenizers");

    @TempDir
    private Path folder;

    private final TensorEngine engine = new ReferenceEngine();

    private Path base() throws Exception {
        Path base = folder.resolve("base");
        Python.run(folder, "masked_peer.py", MODULES, "make", base);
        return base;
    }

    @Test
    void anAdapterGivesTheSameLogitsInPeft() throws Exception {
        Path base = base();
        SmallRuns runs = new SmallRuns(folder, engine);
        Path run = runs.train(base, "masked-lm", "{name: lora, rank: 4, targets: all-linear}");
        assertSame(merged(runs, run), base, run.resolve("adapter"));
    }

    @Test
    void aModelThatWasTrainedAsAWholeGivesTheSameLogitsThere() throws Exception {
        Path base = base();
        SmallRuns runs = new SmallRuns(folder, engine);
        Path run = runs.train(base, "masked-lm", "full");
        Path merged = merged(runs, run);
        assertSame(merged, merged, Path.of("-"));
    }

    private Path merged(SmallRuns runs, Path run) {
        Path to = folder.resolve("merged");
        try (ModelPool pool = new ModelPool()) {
            runs.merger(pool).merge(run, to);
        }
        return to;
    }

    /** There in float32. */
    private void assertSame(Path merged, Path base, Path adapter) throws Exception {
        Path out = folder.resolve("logits.json");
        Python.run(folder, "masked_peer.py", MODULES, "logits", base, adapter, out);
        JsonNode answer = json(Files.readString(out));
        double[] theirs = doubles(answer.get("logits"));
        double largest = Arrays.stream(theirs).map(Math::abs).max().orElseThrow();
        try (Model model = new FolderModelLoader()
                .load(merged.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow()) {
            double[] ours = StreamSupport.stream(answer.get("ids").spliterator(), false)
                    .map(ids ->
                            Arrays.stream(doubles(ids)).mapToInt(id -> (int) id).toArray())
                    .flatMapToDouble(ids -> Arrays.stream(WholePass.masked(engine, model, ids)))
                    .toArray();
            assertThat(ours).containsExactly(theirs, within(1e-4 * largest));
        }
    }

    private static double[] doubles(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToDouble(JsonNode::asDouble)
                .toArray();
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }
}
