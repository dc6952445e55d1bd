package org.attune.shell.cli;

import java.util.function.Function;
import java.util.function.Supplier;
import org.attune.generation.Generation;
import org.attune.shell.text.ProgressView;
import org.attune.shell.text.Terminal;
import org.attune.trial.AdapterCombination;
import org.attune.trial.Catalogue;
import org.attune.trial.ModelExport;
import org.attune.trial.ModelMerge;
import org.attune.trial.Studies;
import org.attune.trial.TraceReplay;
import org.attune.trial.Trials;

/**
 * What the commands work with.
 *
 * @param listening makes a view hear of all trials and downloads until what it gives is closed
 * @param interruption tells when the process is about to end
 */
record Services(
        Trials trials,
        Catalogue catalogue,
        TraceReplay replay,
        ModelMerge merge,
        ModelExport export,
        AdapterCombination combination,
        Studies studies,
        Generation generation,
        Function<ProgressView, Listening> listening,
        Interruption interruption,
        Terminal terminal) {
    /** Ends when closed. */
    interface Listening {
        void close();
    }

    /** Does something that may have to download a model first, and shows how far that is. */
    <T> T showingDownloads(Supplier<T> work) {
        ProgressView view = ProgressView.on(terminal);
        interruption.onRequest(view::close);
        Listening listens = listening.apply(view);
        try {
            return work.get();
        } finally {
            listens.close();
            view.close();
        }
    }
}
