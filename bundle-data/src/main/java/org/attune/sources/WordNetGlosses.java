package org.attune.sources;

import java.util.ArrayList;
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
 * Plain text for language modelling: every synset of WordNet 3.1 as its words, its definition and its examples (field {@code text}),
 * for example {@code house: a dwelling that serves as living quarters for one or more families; "he has a house on Cape Cod"}. The
 * splits are drawn by the trial's seed and never overlap.
 */
@Component(service = DataSource.class)
@AttunePlugin(
        name = "wordnet-glosses",
        description = "WordNet 3.1 as plain text: the words of each synset, its definition and examples")
public final class WordNetGlosses implements DataSource<WordNetGlossesOptions> {
    private static final String NAME = "wordnet-glosses";

    @Override
    public Class<WordNetGlossesOptions> options() {
        return WordNetGlossesOptions.class;
    }

    @Override
    public DataSet open(WordNetGlossesOptions options, Surroundings surroundings) {
        List<Example> glosses = new ArrayList<>();
        for (String part : WordNet.PARTS) {
            for (WordNet.Synset synset : WordNet.read(NAME, surroundings.resources(), part)) {
                glosses.add(new Example(
                        "wordnet:" + part + ":" + synset.offset(),
                        Map.of("text", String.join(", ", synset.words()) + ": " + synset.gloss())));
            }
        }
        int n = glosses.size();
        long heldOut = (long) options.validation() + options.test();
        if (heldOut + Math.max(1, options.train()) > n) {
            throw new UserError(NAME + ": train " + options.train() + ", validation " + options.validation()
                    + " and test " + options.test() + " are more than the " + n
                    + " synsets of WordNet 3.1; lower one of them");
        }
        int train = options.train() == 0 ? (int) (n - heldOut) : options.train();
        int[] order = Rng.of(surroundings.seed()).at(NAME).permutation(n);
        return new InMemoryDataSet(
                Splits.draw(glosses, order, train, options.validation(), options.test()), Optional.empty());
    }
}
