package org.attune.shell.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.attune.evaluation.Score;
import org.attune.trial.Progress;

/** One line that says how far something is: {@code step 120/250  ███████░░░  48%  loss 1.2345  310 ex/s  left 0:13}. */
final class ProgressLine {
    private static final String GAP = "  ";
    private static final int SHORTEST_BAR = 6;
    private static final int LONGEST_BAR = 30;

    private ProgressLine() {}

    /** At most {@code width} characters: the bar shrinks, then goes, then the less important numbers go. */
    static String step(Progress progress, int width, Glyphs glyphs) {
        List<String> numbers = new ArrayList<>();
        numbers.add(percent(progress.step(), progress.steps()));
        if (!Double.isNaN(progress.loss())) {
            numbers.add(String.format(Locale.ROOT, "loss %.4f", progress.loss()));
        }
        if (progress.left() != null) {
            numbers.add(Numbers.rate(progress.examplesPerSecond()) + " ex/s");
            numbers.add("left " + Numbers.clock(progress.left()));
        }
        // Of one width throughout, or else the line would jump.
        String steps = String.valueOf(progress.steps());
        String what = "step "
                + " "
                        .repeat(Math.max(
                                0,
                                steps.length() - String.valueOf(progress.step()).length())) + progress.step() + "/"
                + steps;
        return line(what, progress.step(), progress.steps(), numbers, width, glyphs);
    }

    /** @param what is done, for example {@code evaluating test} */
    static String examples(String what, long done, long total, int width, Glyphs glyphs) {
        return line(what + " " + done + "/" + total, done, total, List.of(percent(done, total)), width, glyphs);
    }

    static String download(String what, long done, long total, int width, Glyphs glyphs) {
        if (total == 0) {
            return glyphs.cut(what, width);
        }
        List<String> numbers = List.of(percent(done, total), Numbers.bytes(done) + " of " + Numbers.bytes(total));
        return line("downloading " + what, done, total, numbers, width, glyphs);
    }

    private static String line(String what, long done, long total, List<String> numbers, int width, Glyphs glyphs) {
        String text = what + GAP + String.join(GAP, numbers);
        int bar = Math.min(LONGEST_BAR, width - text.length() - GAP.length());
        if (bar >= SHORTEST_BAR) {
            return what + GAP + bar(done, total, bar, glyphs) + GAP + String.join(GAP, numbers);
        }
        List<String> kept = new ArrayList<>(numbers);
        while (text.length() > width && kept.size() > 1) {
            kept.remove(kept.size() - 2); // the time left stays
            text = what + GAP + String.join(GAP, kept);
        }
        return glyphs.cut(text, width);
    }

    private static String bar(long done, long total, int length, Glyphs glyphs) {
        int full = total <= 0 ? 0 : (int) (Math.min(done, total) * length / total);
        return String.valueOf(glyphs.full).repeat(full)
                + String.valueOf(glyphs.empty).repeat(length - full);
    }

    private static String percent(long done, long total) {
        return String.format(Locale.ROOT, "%3d%%", total <= 0 ? 0 : Math.min(done, total) * 100 / total);
    }

    /** The scores of an evaluation in the middle of training. */
    static String scores(String split, long step, List<Score> scores) {
        StringBuilder line = new StringBuilder("step " + step + GAP + split);
        for (Score score : scores) {
            line.append(GAP).append(score.name()).append(' ').append(Numbers.score(score.value()));
        }
        return line.toString();
    }
}
