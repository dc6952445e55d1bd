package org.attune.eval.baselines;

import java.util.List;
import org.attune.evaluation.Baseline;
import org.attune.evaluation.ClassPrediction;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/** Logistic regression on {@link TfIdf}: what the words alone tell. */
@Component(service = Baseline.class)
@AttunePlugin(name = "tfidf-logistic", description = "logistic regression on TF-IDF of words and pairs of words")
public final class TfIdfLogistic implements Baseline<LogisticOptions> {
    @Override
    public Class<LogisticOptions> options() {
        return LogisticOptions.class;
    }

    @Override
    public List<ClassPrediction> predict(LogisticOptions options, Task task) {
        TfIdf tfIdf = new TfIdf(task.train());
        return LogisticRegression.predict(options, task, tfIdf.features(task.train()), tfIdf.features(task.test()));
    }
}
