package org.attune.eval.metrics;

import org.tribuo.classification.evaluation.ConfusionMetrics;

/** A ratio of true and false positives and negatives. The values are Tribuo's wherever the denominator is not 0. */
enum Ratio {
    PRECISION {
        @Override
        double denominator(double tp, double fp, double fn) {
            return tp + fp;
        }

        @Override
        double ofTribuo(double tp, double fp, double fn) {
            return ConfusionMetrics.precision(tp, fp, 0, fn);
        }
    },
    RECALL {
        @Override
        double denominator(double tp, double fp, double fn) {
            return tp + fn;
        }

        @Override
        double ofTribuo(double tp, double fp, double fn) {
            return ConfusionMetrics.recall(tp, fp, 0, fn);
        }
    },
    /** Undefined only for a class that is neither right nor predicted; not where precision or recall alone is. */
    F1 {
        @Override
        double denominator(double tp, double fp, double fn) {
            return 2 * tp + fp + fn;
        }

        @Override
        double ofTribuo(double tp, double fp, double fn) {
            return ConfusionMetrics.f1(tp, fp, 0, fn);
        }
    };

    abstract double denominator(double tp, double fp, double fn);

    abstract double ofTribuo(double tp, double fp, double fn);

    /** @param undefined what to give where the denominator is 0 */
    double of(double tp, double fp, double fn, double undefined) {
        return denominator(tp, fp, fn) == 0 ? undefined : ofTribuo(tp, fp, fn);
    }
}
