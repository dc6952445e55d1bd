package org.attune.kernel.fake;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.data.Example;
import org.attune.plugin.Option;
import org.attune.tensor.Rng;

/** Made-up examples: one to five numbers; the class is that of the first. */
public final class Numbers implements DataSource<Numbers.Options> {
    /** Called when the data is opened. */
    public volatile Runnable onOpen = () -> {};
    /** The example that takes the place of each first of a split; null for none. */
    public volatile Map<String, String> first;
    /** Changes with the content. */
    public volatile String fingerprint = "numbers";

    /** @param train and test how many examples */
    public record Options(
            @Option(value = "training examples", defaults = "20", min = 0)
            int train,

            @Option(value = "test examples", defaults = "7", min = 0)
            int test) {}

    @Override
    public Class<Options> options() {
        return Options.class;
    }

    @Override
    public DataSet open(Options options, Surroundings surroundings) {
        onOpen.run();
        return new Examples(options, first, fingerprint);
    }

    private record Examples(Options options, Map<String, String> first, String fingerprint) implements DataSet {
        @Override
        public List<String> splits() {
            return List.of("train", "test");
        }

        @Override
        public int size(String split) {
            return split.equals("train") ? options.train() : options.test();
        }

        @Override
        public Example get(String split, int index) {
            if (index == 0 && first != null && first.containsKey(split)) {
                String[] parts = first.get(split).split("=");
                return new Example(split + ":1", Map.of("text", parts[0], "label", parts[1]));
            }
            Rng rng = Rng.of(3).at(split).at(index);
            int length = 1 + rng.below(5, 0);
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < length; i++) {
                text.append(i == 0 ? "" : " ").append(rng.below(12, 1 + i));
            }
            return new Example(
                    split + ":" + (index + 1),
                    Map.of("text", text.toString(), "label", rng.below(12, 1) % 3 == 0 ? "fizz" : "plain"));
        }

        @Override
        public Optional<List<String>> labels() {
            return Optional.empty();
        }

        @Override
        public void close() {}
    }
}
