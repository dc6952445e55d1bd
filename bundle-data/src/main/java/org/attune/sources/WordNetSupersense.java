package org.attune.sources;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.data.Example;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.osgi.service.component.annotations.Component;

/**
 * Supersense classification: from a noun's definition in WordNet 3.1 (field {@code text}) to its lexicographer file, 26 classes
 * from {@code noun.Tops} to {@code noun.time} (field {@code label}). The splits are drawn by the trial's seed and never overlap;
 * the test split of a seed does not depend on the size of the others.
 */
@Component(service = DataSource.class)
@AttunePlugin(
        name = "wordnet-supersense",
        description = "WordNet 3.1: from a noun's definition to one of 26 supersenses")
public final class WordNetSupersense implements DataSource<WordNetOptions> {
    @Override
    public Class<WordNetOptions> options() {
        return WordNetOptions.class;
    }

    @Override
    public DataSet open(WordNetOptions options, Surroundings surroundings) {
        List<Example> nouns = WordNetNouns.read("wordnet-supersense", surroundings.resources());
        int n = nouns.size();
        long asked = (long) options.train() + options.validation() + options.test();
        if (asked > n) {
            throw new UserError("wordnet-supersense: train " + options.train() + ", validation " + options.validation()
                    + " and test "
                    + options.test() + " are " + asked + " examples together, but WordNet 3.1 has " + n
                    + " nouns; lower one of them");
        }
        int[] order = Rng.of(surroundings.seed()).at("wordnet-supersense").permutation(n);
        Map<String, List<Example>> splits =
                Splits.draw(nouns, order, options.train(), options.validation(), options.test());
        return new InMemoryDataSet(splits, Optional.of(WordNetNouns.LABELS));
    }
}
