package org.attune.shell.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generation;
import org.attune.generation.Generator;
import org.attune.generation.TextListener;
import org.attune.model.AttachPoint;
import org.attune.model.ChatTemplate;
import org.attune.model.ChatText;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.TokenizedText;
import org.attune.model.Tokenizer;
import org.attune.tensor.Tensor;

/** A model that repeats what it is given, a character a token, in capitals; its chat template is {@code role:content/}. */
final class FakeGeneration implements Generation {
    final List<Source> opened = new ArrayList<>();
    final List<Decoding> decodings = new ArrayList<>();
    int closed;
    boolean template = true;

    @Override
    public Generator open(Source source) {
        opened.add(source);
        return new Echo();
    }

    private final class Echo implements Generator {
        @Override
        public Model model() {
            return new Characters();
        }

        @Override
        public List<Generated> generate(List<int[]> prompts, Decoding decoding, TextListener listener) {
            decodings.add(decoding);
            List<Generated> texts = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                String text = model().tokenizer().decode(prompts.get(i)).toUpperCase(Locale.ROOT);
                for (String piece : text.split("(?<=O)", -1)) {
                    listener.text(i, piece);
                }
                texts.add(new Generated(text, prompts.get(i), prompts.get(i).length, Generated.End.END_TOKEN));
            }
            return texts;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private final class Characters implements Model, Tokenizer {
        @Override
        public Optional<ChatTemplate> chatTemplate() {
            return template
                    ? Optional.of((messages, prompt) -> new ChatText(
                            messages.stream()
                                    .map(m -> m.role() + ":" + m.content() + "/")
                                    .collect(Collectors.joining()),
                            List.of()))
                    : Optional.empty();
        }

        @Override
        public int[] encode(String text, int maxLength) {
            return text.chars().toArray();
        }

        @Override
        public TokenizedText tokenize(String text) {
            return new TokenizedText(encode(text, 0), new int[0], new int[0]);
        }

        @Override
        public String decode(int[] ids) {
            return Arrays.stream(ids).mapToObj(Character::toString).collect(Collectors.joining());
        }

        @Override
        public int vocabulary() {
            return Character.MAX_VALUE;
        }

        @Override
        public Tokenizer tokenizer() {
            return this;
        }

        @Override
        public String family() {
            return "characters";
        }

        @Override
        public String fingerprint() {
            return "characters";
        }

        @Override
        public int hiddenSize() {
            return 1;
        }

        @Override
        public int maxLength() {
            return 100;
        }

        @Override
        public List<AttachPoint> attachPoints() {
            return List.of();
        }

        @Override
        public Map<String, Tensor> weights() {
            return Map.of();
        }

        @Override
        public Tensor encode(Forward forward) {
            throw new UnsupportedOperationException("there is nothing to compute");
        }

        @Override
        public Tensor pool(Forward forward, Tensor hidden) {
            throw new UnsupportedOperationException("there is nothing to compute");
        }

        @Override
        public String classifierPath() {
            return "none";
        }

        @Override
        public void close() {}
    }
}
