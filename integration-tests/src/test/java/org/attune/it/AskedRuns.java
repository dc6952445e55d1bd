package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.trial.TrialManager;
import org.attune.plugin.UserError;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;

/** Whole trials, of which something is asked while they run. */
final class AskedRuns {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final SmallRuns runs;
    private final List<String> refusals = new CopyOnWriteArrayList<>();
    private final List<Throwable> faults = new CopyOnWriteArrayList<>();
    /** Told of all trials. */
    final List<TrialListener> listeners = new CopyOnWriteArrayList<>();

    AskedRuns(SmallRuns runs) {
        this.runs = runs;
    }

    /** What is asked of a trial; returns when it is carried out or refused. */
    interface Wish {
        void of(TrialManager trials, Trial trial);
    }

    Path run(Path spec) throws Exception {
        return run(spec, Map.of());
    }

    /** @param wishes by the number of steps after which they are said */
    Path run(Path spec, Map<Long, Wish> wishes) throws Exception {
        AtomicReference<TrialManager> manager = new AtomicReference<>();
        TrialListener asking = new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                Wish wish = wishes.get(progress.step());
                if (wish != null) {
                    Thread user = new Thread(() -> say(wish, manager.get(), trial));
                    user.start();
                    while (user.isAlive() && user.getState() != Thread.State.WAITING) {
                        Thread.onSpinWait(); // until the wish is there for the trial to see
                    }
                }
            }
        };
        listeners.add(asking);
        try (ModelPool pool = new ModelPool()) {
            manager.set(runs.trials(pool, listeners));
            Path run = SmallRuns.ended(manager.get().start(spec, Map.of(), false));
            manager.get().close();
            assertThat(faults).isEmpty();
            return run;
        } finally {
            listeners.remove(asking);
        }
    }

    private void say(Wish wish, TrialManager trials, Trial trial) {
        try {
            wish.of(trials, trial);
        } catch (UserError e) {
            refusals.add(e.getMessage());
        } catch (RuntimeException e) {
            faults.add(e);
        }
    }

    /** Goes on with a run that was left. */
    Path resumed(Path run) throws Exception {
        try (ModelPool pool = new ModelPool()) {
            TrialManager trials = runs.trials(pool, listeners);
            Path folder = SmallRuns.ended(trials.resume(run, false));
            trials.close();
            return folder;
        }
    }

    /** Why wishes were refused since this was last asked. */
    List<String> takeRefusals() {
        List<String> taken = List.copyOf(refusals);
        refusals.clear();
        return taken;
    }

    /** The loss of each step, with all its digits. */
    static List<Double> losses(Path run) throws IOException {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode json = JSON.readTree(line);
            if (json.has("loss")) {
                losses.add(json.get("loss").asDouble());
            }
        }
        return losses;
    }
}
