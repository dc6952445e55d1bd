package org.attune.shell.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.evaluation.Score;
import org.attune.evaluation.Score.Direction;
import org.attune.evaluation.Table;
import org.attune.trial.CacheStats;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;

/** A trial that has ended, or takes commands without doing anything. */
public final class FakeTrial implements Trial {
    public static final TrialReport REPORT = new TrialReport(
            List.of(
                    new Score("accuracy", 0.764, Direction.UP),
                    new Score("f1_macro", Double.NaN, Direction.UP),
                    new Score("log_loss", 0.8125, Direction.DOWN)),
            List.of(new Table(
                    "confusion",
                    List.of("true", "noun", "verb"),
                    List.of(List.of("noun", "7", "1"), List.of("verb", "0", "12")))),
            157_466,
            22_870_682,
            62.5,
            5.25,
            812L << 20,
            8_000,
            310_220,
            List.of(new double[] {1, 3.25}, new double[] {2, 2.5}, new double[] {3, 0.75}),
            Map.of("tf-idf", List.of(new Score("accuracy", 0.651, Direction.UP))),
            "float16",
            2);

    private final String id;
    private final String name;
    private final Path folder;
    private final String message;
    private final Throwable failure;
    private TrialState state;

    FakeTrial(String id, String name, Path folder, TrialState state, String message, Throwable failure) {
        this.id = id;
        this.name = name;
        this.folder = folder;
        this.state = state;
        this.message = message;
        this.failure = failure;
    }

    public static FakeTrial in(TrialState state, String id, Path folder) {
        return new FakeTrial(id, "quick", folder, state, "", null);
    }

    static FakeTrial failed(Path folder, Throwable failure) {
        return new FakeTrial("1", "quick", folder, TrialState.FAILED, failure.getMessage(), failure);
    }

    @Override
    public String id() {
        return id;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public Path folder() {
        return folder;
    }

    @Override
    public Map<String, Boolean> adapters() {
        return Map.of("first", true);
    }

    @Override
    public TrialState state() {
        return state;
    }

    @Override
    public String message() {
        return message;
    }

    @Override
    public Progress progress() {
        return new Progress(120, 250, 0.5, 1.2345, 3_840, 50_000, 310, Duration.ofSeconds(12), Duration.ofSeconds(13));
    }

    @Override
    public Optional<Throwable> failure() {
        return Optional.ofNullable(failure);
    }

    @Override
    public Optional<TrialReport> report() {
        return state == TrialState.COMPLETED ? Optional.of(REPORT) : Optional.empty();
    }

    @Override
    public CacheStats cache() {
        return new CacheStats(8000, 12, 3 << 20, 0);
    }

    @Override
    public void pause() {
        state = TrialState.PAUSED;
    }

    @Override
    public void unpause() {
        state = TrialState.RUNNING;
    }

    @Override
    public void stop() {
        state = TrialState.SUSPENDED;
    }

    @Override
    public TrialState await(Duration limit) {
        return state;
    }
}
