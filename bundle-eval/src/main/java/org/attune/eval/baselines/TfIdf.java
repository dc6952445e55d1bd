package org.attune.eval.baselines;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.tribuo.Feature;
import org.tribuo.data.text.impl.TokenPipeline;
import org.tribuo.util.tokens.impl.BreakIteratorTokenizer;

/**
 * TF-IDF of words and pairs of words, in lower case: (1 + ln tf)(1 + ln((1 + n) / (1 + df))), each text scaled to length 1 (Manning,
 * Raghavan and Sch&uuml;tze 2008, chapter 6, with the smoothing of scikit-learn). Words and counts are Tribuo's; its own IDF
 * transformation scales nothing to length 1, which costs the classifier two points of accuracy on WordNet.
 */
final class TfIdf {
    private static final int LONGEST_NGRAM = 2;

    private final TokenPipeline pipeline =
            new TokenPipeline(new BreakIteratorTokenizer(Locale.ROOT), LONGEST_NGRAM, true);
    private final Map<String, Integer> documents = new HashMap<>();
    private final int size;

    /** @param train the texts that decide which terms there are, and how rare each is */
    TfIdf(List<String> train) {
        size = train.size();
        for (String text : train) {
            Set<String> terms = new HashSet<>();
            terms(text).forEach(term -> terms.add(term.getName()));
            terms.forEach(term -> documents.merge(term, 1, Integer::sum));
        }
    }

    List<List<Feature>> features(List<String> texts) {
        return texts.stream().map(this::features).toList();
    }

    private List<Feature> features(String text) {
        List<Feature> features = new ArrayList<>();
        double squares = 0;
        for (Feature term : terms(text)) {
            Integer df = documents.get(term.getName());
            if (df != null) {
                double weight = (1 + Math.log(term.getValue())) * (1 + Math.log((1.0 + size) / (1.0 + df)));
                features.add(new Feature(term.getName(), weight));
                squares += weight * weight;
            }
        }
        double length = Math.sqrt(squares);
        return features.stream()
                .map(feature -> new Feature(feature.getName(), feature.getValue() / length))
                .toList();
    }

    /** Each term once, with its count. */
    private List<Feature> terms(String text) {
        return pipeline.process("", text.toLowerCase(Locale.ROOT));
    }
}
