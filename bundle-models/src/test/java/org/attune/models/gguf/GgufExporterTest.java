package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.PlainForward;
import org.attune.models.PretrainedTokenizer;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.io.FileBytes;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufExporterTest {
    private static final int[] IDS = {40, 5, 271, 9, 100, 0, 263, 33, 33, 7, 19, 250};

    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    /** The files, which the Python package gguf has written (make_models.py), are read, written and read again. */
    @ParameterizedTest
    @CsvSource({
        "llama, f16", "llama, q8_0", "qwen2, f16", "qwen2, q8_0", "qwen3, f16", "qwen3, q8_0",
        "gpt2, f16", "gpt2, q8_0", "gemma2, f16", "gemma2, q8_0", "gemma3, f16", "gemma3, q8_0"
    })
    void aFileThatWasReadAndWrittenIsTheSameModel(String architecture, String type) throws Exception {
        Path original = resource(architecture + ".gguf");
        Path copy = folder.resolve("copy.gguf");
        double[] logits;
        try (Model model = load(original)) {
            logits = logits(model);
            new GgufExporter().export(model, "tiny", GgufModel.files(original), type, copy);
        }
        try (GgufFile from = GgufFile.open(original);
                GgufFile to = GgufFile.open(copy);
                FileBytes bytes = FileBytes.open(copy, "GGUF")) {
            assertThat(to.names()).containsExactlyInAnyOrderElementsOf(from.names());
            Map<String, GgufHeader.Entry> entries = GgufHeader.read(bytes).entries();
            assertThat(to.names()).allSatisfy(name -> {
                assertThat(to.shape(name)).isEqualTo(from.shape(name));
                close(
                        elements(from, name),
                        elements(to, name),
                        entries.get(name).type());
            });
            assertThat(entries.get("blk.1.ffn_up.weight").type().name()).isEqualToIgnoringCase(type);
            assertThat(to.metadata().keys()).containsAll(from.metadata().keys());
            assertThat(from.metadata().keys())
                    .filteredOn(key -> !key.startsWith("general."))
                    .allSatisfy(key -> assertThat(shown(to, key)).isEqualTo(shown(from, key)));
        }
        try (Model model = load(copy)) {
            // Elements are off by some 0.01 and 0.5 per cent; a wrong order, offset or constant moves logits by their
            // own size.
            assertThat(distance(logits(model), logits)).isLessThan(type.equals("f16") ? 1e-3 : 5e-2);
        }
    }

    /** Of many weights' roundings most cancel out: sqrt(sum (found - wanted)^2 / sum wanted^2). */
    private static double distance(double[] found, double[] wanted) {
        double difference = 0;
        double all = 0;
        for (int i = 0; i < wanted.length; i++) {
            difference += (found[i] - wanted[i]) * (found[i] - wanted[i]);
            all += wanted[i] * wanted[i];
        }
        return Math.sqrt(difference / all);
    }

    /** The rounding of F16 is 2^-11 of an element, that of Q8_0 half of 1/127 of the block's largest and that number's own in F16. */
    private static void close(float[] wanted, float[] found, GgufType type) {
        for (int from = 0; from < wanted.length; from += type.blockSize()) {
            float largest = 0;
            for (int i = from; i < from + type.blockSize(); i++) {
                largest = Math.max(largest, Math.abs(wanted[i]));
            }
            float allowed = switch (type) {
                case F32 -> Math.ulp(largest); // of a norm's weight from which 1 was taken
                case F16 -> largest * 0x1p-11f;
                default -> largest * (0.5f / 127 + 0x1p-11f);
            };
            assertThat(Arrays.copyOfRange(found, from, from + type.blockSize()))
                    .containsExactly(Arrays.copyOfRange(wanted, from, from + type.blockSize()), within(allowed));
        }
    }

    private static float[] elements(GgufFile file, String name) {
        float[] all = new float[(int) file.shape(name).size()];
        int[] at = new int[1];
        file.read(name, (block, length) -> {
            System.arraycopy(block, 0, all, at[0], length);
            at[0] += length;
        });
        return all;
    }

    private static Object shown(GgufFile file, String key) {
        Object value = file.metadata().value(key);
        if (value instanceof GgufMetadata.Array array) {
            return array.type() == GgufValue.STRING
                    ? List.of(file.metadata().texts(key))
                    : array.bytes().duplicate().rewind();
        }
        return value;
    }

    private double[] logits(Model model) {
        return Scope.inference(engine, () -> {
            PlainForward forward = new PlainForward(model, PlainForward.batch(IDS));
            LanguageHead head = model.languageHead().orElseThrow();
            return head.logits(forward, model.encode(forward)).toDoubles();
        });
    }

    /** What a GGUF file says of SentencePiece becomes a tokenizer.json and that a GGUF file again. */
    @Test
    void aSentencePieceTokenizerStaysWhatItIs() throws Exception {
        Path copy = folder.resolve("copy.gguf");
        byte[] json;
        try (GgufFile file = GgufFile.open(resource("sentencepiece.gguf"))) {
            json = GgufTokenizer.json(file.metadata());
            GgufWriter out = new GgufWriter();
            int size = file.metadata().texts("tokenizer.ggml.tokens").length;
            GgufVocabulary.put(out, json(json), json("{\"bos_token_id\": 1, \"eos_token_id\": 2}"), size);
            out.write(copy);
        }
        try (GgufFile from = GgufFile.open(resource("sentencepiece.gguf"));
                GgufFile to = GgufFile.open(copy)) {
            for (String key : from.metadata().keys()) {
                if (key.startsWith("tokenizer.") && !key.endsWith("scores")) {
                    assertThat(shown(to, key)).as(key).isEqualTo(shown(from, key));
                }
            }
            float[] scores = from.metadata().floats("tokenizer.ggml.scores");
            int[] types = from.metadata().ints("tokenizer.ggml.token_type");
            float[] found = to.metadata().floats("tokenizer.ggml.scores");
            for (int id = 0; id < types.length; id++) {
                assertThat(found[id]).isEqualTo(types[id] == TokenTypes.NORMAL ? scores[id] : 0);
            }
            assertThat(GgufTokenizer.json(to.metadata())).isEqualTo(json);
        }
    }

    /** Gemma's tokens of several blanks stand in texts as blanks. */
    @Test
    void userDefinedTokensAreWrittenAsTheyStandInTexts() throws Exception {
        String gemma = """
                {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 4, "content": "▁▁", "special": false}],
                 "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
                 "pre_tokenizer": {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false},
                 "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
                  "vocab": {"<unk>": 0, "a": 1, "▁": 2, "▁a": 3, "▁▁": 4}, "merges": [["▁", "▁"], ["▁", "a"]]}}
                """;
        Path file = folder.resolve("x.gguf");
        GgufWriter out = new GgufWriter();
        GgufVocabulary.put(out, json(gemma), json("{}"), 5);
        out.write(file);
        try (GgufFile written = GgufFile.open(file);
                PretrainedTokenizer tokenizer =
                        PretrainedTokenizer.read("x.gguf", GgufTokenizer.json(written.metadata()))) {
            assertThat(written.metadata().texts("tokenizer.ggml.tokens"))
                    .containsExactly("<unk>", "a", "▁", "▁a", "  ");
            assertThat(written.metadata().flag("tokenizer.ggml.add_space_prefix", true))
                    .isFalse();
            assertThat(written.metadata().whole(GgufTokenizer.UNKNOWN_ID)).isZero();
            assertThat(tokenizer.encode("a a  a", 9)).containsExactly(1, 3, 4, 1);
        }
        refused(
                gemma.replace("\"a\": 1", "\"a▁\": 5, \"a\": 1"),
                6,
                "of the 1 pairs of tokens that make 'a▁' it merges 0");
        refused(
                gemma.replace("\"Replace\"", "\"Lowercase\"").replace("\"content\": \"▁\"}", "\"content\": \"x\"}"),
                5,
                "its normalizer or pre_tokenizer does more than to write blanks as ▁");
    }

    private static void refused(String tokenizer, int size, String message) {
        assertThatThrownBy(() -> GgufVocabulary.put(new GgufWriter(), json(tokenizer), json("{}"), size))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "tokenizer.json: cannot be written as GGUF, as it is no SentencePiece tokenizer: " + message);
    }

    /** A reader of the file would compute something else. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "qwen2 | \"use_sliding_window\": true, \"sliding_window\": 4 | use_sliding_window is true, expected false",
                "qwen3 | \"attention_bias\": true | attention_bias is true, expected false",
                "gemma2 | \"query_pre_attn_scalar\": 20 | query_pre_attn_scalar is 20, expected 16.0",
                "gemma2 | \"final_logit_softcapping\": null | final_logit_softcapping is missing",
                "gemma2 | \"layer_types\": [\"full_attention\", \"sliding_attention\"] | layer_types is [\"full_attention\","
                        + "\"sliding_attention\"], expected another kind in layer 0",
                "gemma2 | \"attention_bias\": true | attention_bias is true, expected false",
                "gemma2 | \"tie_word_embeddings\": false | tie_word_embeddings is false, expected true",
                "gemma3 | \"sliding_window_pattern\": 2 | sliding_window_pattern is 2, expected 6",
                "gemma3 | \"attn_logit_softcapping\": 50.0 | attn_logit_softcapping is 50.0, expected none",
                "gemma3 | \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2.0} | in rope_scaling: rope_type is \"yarn\","
                        + " expected one that is written as GGUF: default, linear"
            })
    void whatFilesOfAnArchitectureDoNotMeanIsRefused(String row) throws Exception {
        String[] parts = row.split(" \\| ");
        Path original = resource(parts[0] + ".gguf");
        Map<String, byte[]> files = new HashMap<>(GgufModel.files(original));
        ObjectNode config = (ObjectNode) json(files.get("config.json"));
        files.put(
                "config.json",
                config.setAll((ObjectNode) json("{" + parts[1] + "}"))
                        .toString()
                        .getBytes(StandardCharsets.UTF_8));
        Path to = folder.resolve("x.gguf");
        try (Model model = load(original)) {
            assertThatThrownBy(() -> new GgufExporter().export(model, "tiny", files, "f16", to))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith("config.json: " + parts[2]);
        }
        assertThat(Files.exists(to)).isFalse();
    }

    private static JsonNode json(String text) throws IOException {
        return json(text.getBytes(StandardCharsets.UTF_8));
    }

    private static JsonNode json(byte[] text) throws IOException {
        return new ObjectMapper().readTree(text);
    }

    private Model load(Path path) {
        return new FolderModelLoader()
                .load(path.toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    private Path resource(String name) throws URISyntaxException {
        return Path.of(getClass().getResource("/gguf/" + name).toURI());
    }
}
