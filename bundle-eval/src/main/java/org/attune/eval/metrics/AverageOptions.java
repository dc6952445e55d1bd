package org.attune.eval.metrics;

import java.util.List;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/**
 * What precision, recall and F1 may be told.
 *
 * @param zeroDivision 0, 1 or nan
 * @param labels class names
 */
public record AverageOptions(
        @Option(
                value = "what a ratio counts whose denominator is 0: 0, 1, or nan to leave it out of averages",
                defaults = "0")
        String zeroDivision,

        @Option(
                value = "the labels to average over; empty for all that occur in the right answers or the predictions",
                defaults = "[]")
        List<String> labels) {

    double undefined() {
        return switch (zeroDivision) {
            case "0" -> 0;
            case "1" -> 1;
            case "nan" -> Double.NaN;
            default -> throw new UserError("zero_division is '" + zeroDivision + "'; expected 0, 1 or nan");
        };
    }
}
