package org.attune.shell.text;

import java.util.List;
import org.attune.evaluation.Score;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;

/** Progress as lines for logs: one about every tenth of the way or after ten silent seconds. */
final class PlainProgress implements ProgressView {
    private static final int WIDTH = 120;
    private static final long NANOS_BETWEEN_LINES = 10_000_000_000L;

    private final Terminal terminal;
    private boolean closed;
    private boolean downloads;
    private long nextStep = 1;
    private long lineTime = System.nanoTime();

    PlainProgress(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public synchronized void step(Trial trial, Progress progress) {
        boolean last = progress.step() == progress.steps();
        boolean late = System.nanoTime() - lineTime > NANOS_BETWEEN_LINES;
        if (progress.step() >= nextStep || last || late) {
            nextStep = progress.step() + Math.max(1, progress.steps() / 10);
            print(trial, ProgressLine.step(progress, WIDTH, terminal.glyphs()));
        }
    }

    @Override
    public synchronized void keeping(Trial trial, String split, long done, long total) {
        if (System.nanoTime() - lineTime > NANOS_BETWEEN_LINES) {
            print(trial, ProgressLine.examples("frozen layers of " + split, done, total, WIDTH, terminal.glyphs()));
        }
    }

    @Override
    public synchronized void evaluated(Trial trial, String split, long step, List<Score> scores) {
        print(trial, ProgressLine.scores(split, step, scores));
    }

    @Override
    public synchronized void noted(Trial trial, long step, String note) {
        print(trial, "after step " + step + " " + note);
    }

    @Override
    public synchronized void changed(Trial trial, TrialState state, String message) {
        if (!state.ended()) {
            print(trial, StateText.of(state, message));
        }
    }

    @Override
    public synchronized boolean downloading(String what, long done, long total) {
        boolean first = !downloads;
        downloads = true;
        boolean late = System.nanoTime() - lineTime > NANOS_BETWEEN_LINES;
        if (first || late || total > 0 && done == total) {
            print(ProgressLine.download(what, done, total, WIDTH, terminal.glyphs()));
        }
        return true;
    }

    private void print(Trial trial, String line) {
        print(trial.name() + ": " + line);
    }

    private void print(String line) {
        if (!closed) {
            terminal.err().println(line);
            lineTime = System.nanoTime();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
    }
}
