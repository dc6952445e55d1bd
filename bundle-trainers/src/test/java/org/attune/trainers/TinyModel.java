package org.attune.trainers;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.TokenizedText;
import org.attune.model.Tokenizer;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/**
 * Hidden states that are its embeddings: token i is (i, i²). Its pooler reads the first token, doubled. A text is the ids of its
 * words, between the special tokens 1 and 2.
 */
final class TinyModel implements Model {
    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private final TensorEngine engine;
    private List<String> classifierLayers = List.of();

    TinyModel(TensorEngine engine) {
        this.engine = engine;
        double[] rows = new double[20];
        for (int i = 0; i < 10; i++) {
            rows[2 * i] = i;
            rows[2 * i + 1] = i * i;
        }
        add("embeddings.weight", Shape.of(10, 2), rows);
    }

    TinyModel withHead(double... weight) {
        add("score.weight", Shape.of(weight.length / 2, 2), weight);
        return this;
    }

    /** That the pooler does not use. */
    TinyModel withClassifierLayer(String path) {
        classifierLayers = List.of(path);
        return this;
    }

    TinyModel withBias(double... bias) {
        add("score.bias", Shape.of(bias.length), bias);
        return this;
    }

    /** A head over the vocabulary whose logits of a token are its hidden state times (0.1 i, 0.01) for id i. */
    TinyModel withLanguageHead() {
        double[] rows = new double[20];
        for (int i = 0; i < 10; i++) {
            rows[2 * i] = 0.1 * i;
            rows[2 * i + 1] = 0.01;
        }
        add("lm_head.weight", Shape.of(10, 2), rows);
        return this;
    }

    private void add(String name, Shape shape, double[] values) {
        Tensor t = Tensor.zeros(engine, shape);
        t.set(values);
        weights.put(name, t);
    }

    @Override
    public String family() {
        return "tiny";
    }

    @Override
    public String fingerprint() {
        return "tiny";
    }

    @Override
    public Tokenizer tokenizer() {
        return new Tokenizer() {
            @Override
            public int[] encode(String text, int maxLength) {
                String[] words = text.split(" ");
                int n = (int) Math.min(words.length, maxLength - 2L);
                int[] ids = new int[n + 2];
                ids[0] = 1;
                for (int i = 0; i < n; i++) {
                    ids[i + 1] = Integer.parseInt(words[i]);
                }
                ids[n + 1] = 2;
                return ids;
            }

            @Override
            public TokenizedText tokenize(String text) {
                int[] ids = text.isBlank()
                        ? new int[0]
                        : Stream.of(text.strip().split(" "))
                                .mapToInt(Integer::parseInt)
                                .toArray();
                return new TokenizedText(ids, new int[ids.length], new int[ids.length]);
            }

            /** Two tokens beside each other are a word. */
            @Override
            public Words encodeWords(String text, int maxLength) {
                int[] ids = encode(text, maxLength);
                int[] words = new int[ids.length];
                for (int i = 0; i < ids.length; i++) {
                    words[i] = ids[i] <= 2 ? -1 : (i - 1) / 2;
                }
                return new Words(ids, words);
            }

            @Override
            public OptionalInt maskToken() {
                return OptionalInt.of(0);
            }

            @Override
            public String decode(int[] ids) {
                return IntStream.of(ids)
                        .filter(id -> id > 2)
                        .mapToObj(Integer::toString)
                        .collect(Collectors.joining(" "));
            }

            @Override
            public int vocabulary() {
                return 10;
            }

            @Override
            public String fingerprint() {
                return "words";
            }
        };
    }

    @Override
    public int hiddenSize() {
        return 2;
    }

    @Override
    public int maxLength() {
        return 6;
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return List.of();
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Tensor encode(Forward forward) {
        return forward.embedding("embeddings", forward.batch().ids());
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return hidden.mul(2);
    }

    @Override
    public String classifierPath() {
        return "score";
    }

    @Override
    public List<String> classifierLayers() {
        return classifierLayers;
    }

    @Override
    public Optional<LanguageHead> languageHead() {
        return weights.containsKey("lm_head.weight") ? Optional.of(() -> "lm_head") : Optional.empty();
    }

    @Override
    public Optional<LanguageHead> maskedHead() {
        return languageHead();
    }

    @Override
    public void close() {
        weights.values().forEach(Tensor::close);
    }
}
