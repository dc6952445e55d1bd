package org.attune.shell.text;

import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import org.attune.evaluation.Score;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;

/**
 * A line that is drawn again in place, at most ten times a second, by a thread of its own: a terminal that is held (Ctrl-S)
 * must not hold the trial.
 */
final class LiveProgress implements ProgressView {
    private static final int MILLIS_BETWEEN_FRAMES = 100;
    private static final int FRAMES_BETWEEN_SIZES = 30;
    private static final String TO_START = "\r";
    private static final String CLEAR_REST = "\033[K";
    private static final String GREEN = "\033[32m";
    private static final String RESET = "\033[0m";

    private final Terminal terminal;
    private final ScheduledExecutorService painter = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "attune-progress");
        thread.setDaemon(true);
        return thread;
    });

    /** What the bar shows, for a given width. */
    private volatile IntFunction<String> line = width -> "";

    // Guarded by this.
    private String drawn = "";
    private int width;
    private int frames;
    private boolean closed;

    @SuppressWarnings("FutureReturnValueIgnored") // it runs until the painter is shut down
    LiveProgress(Terminal terminal) {
        this.terminal = terminal;
        width = terminal.barWidth().getAsInt();
        painter.scheduleWithFixedDelay(this::draw, 0, MILLIS_BETWEEN_FRAMES, TimeUnit.MILLISECONDS);
    }

    @Override
    public void step(Trial trial, Progress progress) {
        line = width -> ProgressLine.step(progress, width, terminal.glyphs());
    }

    @Override
    public void evaluating(Trial trial, String split, long done, long total) {
        line = width -> ProgressLine.examples("evaluating " + split, done, total, width, terminal.glyphs());
    }

    @Override
    public void keeping(Trial trial, String split, long done, long total) {
        line = width -> ProgressLine.examples("frozen layers of " + split, done, total, width, terminal.glyphs());
    }

    @Override
    public synchronized void evaluated(Trial trial, String split, long step, List<Score> scores) {
        // The report is about to show those of the last step.
        if (!closed && step < trial.progress().steps()) {
            painter.execute(() -> printAbove(ProgressLine.scores(split, step, scores)));
        }
    }

    @Override
    public synchronized void noted(Trial trial, long step, String note) {
        if (!closed) {
            painter.execute(() -> printAbove("after step " + step + " " + note));
        }
    }

    @Override
    public void changed(Trial trial, TrialState state, String message) {
        if (!state.ended()) {
            line = width -> terminal.glyphs().cut(trial.name() + ": " + StateText.of(state, message), width);
        }
    }

    @Override
    public boolean downloading(String what, long done, long total) {
        line = width -> ProgressLine.download(what, done, total, width, terminal.glyphs());
        return true;
    }

    private synchronized void draw() {
        if (closed) {
            return;
        }
        if (++frames % FRAMES_BETWEEN_SIZES == 0) {
            width = terminal.barWidth().getAsInt();
        }
        paint();
    }

    private void paint() {
        String text = line.apply(width - 1); // terminals wrap when the last column is written
        if (!text.equals(drawn)) {
            drawn = text;
            terminal.err().print(TO_START + coloured(text) + CLEAR_REST);
            terminal.err().flush();
        }
    }

    private String coloured(String text) {
        String full = String.valueOf(terminal.glyphs().full);
        int from = text.indexOf(full);
        if (!terminal.colour() || from < 0) {
            return text;
        }
        int to = text.lastIndexOf(full) + 1;
        return text.substring(0, from) + GREEN + text.substring(from, to) + RESET + text.substring(to);
    }

    private synchronized void printAbove(String text) {
        if (!closed) {
            terminal.err().print(TO_START + CLEAR_REST + terminal.glyphs().cut(text, width) + System.lineSeparator());
            drawn = "";
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            painter.shutdown();
            paint();
            if (!drawn.isEmpty()) {
                terminal.err().println();
            }
        }
    }
}
