package org.attune.it.plugins.words;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.data.Example;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/** A data source to be swapped. */
@Component(service = DataSource.class)
@AttunePlugin(name = "words", description = "a few words")
public final class Words implements DataSource<NoOptions> {
    private static final List<String> ANIMALS = List.of("cat", "dog", "horse", "mouse", "bird");
    private static final List<String> PLANTS = List.of("oak", "rose", "fern", "moss", "grass");

    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public DataSet open(NoOptions options, Surroundings surroundings) {
        return new DataSet() {
            @Override
            public List<String> splits() {
                return List.of("train", "test");
            }

            @Override
            public int size(String split) {
                return 96;
            }

            @Override
            public Example get(String split, int index) {
                boolean animal = index % 2 == 0;
                List<String> words = animal ? ANIMALS : PLANTS;
                String text = "the " + words.get(index % 5) + " and a " + words.get(index / 5 % 5);
                return new Example(split + ":" + index, Map.of("text", text, "label", animal ? "animal" : "plant"));
            }

            @Override
            public Optional<List<String>> labels() {
                return Optional.empty();
            }

            @Override
            public String fingerprint() {
                return "words-1";
            }

            @Override
            public void close() {}
        };
    }
}
