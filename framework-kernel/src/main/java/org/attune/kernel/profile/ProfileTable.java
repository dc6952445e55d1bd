package org.attune.kernel.profile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;
import org.attune.kernel.profile.Profile.Operation;
import org.attune.plugin.UserError;

/** Operations as text, the costliest first, beside what the machine can do. */
final class ProfileTable {
    private ProfileTable() {}

    static void write(Path file, List<Operation> operations, Floor floor, long spanNanos) {
        try {
            Files.writeString(file, text(operations, floor, spanNanos));
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }

    /** @param spanNanos that the trial's steps and evaluations took */
    static String text(List<Operation> operations, Floor floor, long spanNanos) {
        StringJoiner rates = new StringJoiner(", ");
        floor.flops()
                .forEach((type, rate) ->
                        rates.add(type.name().toLowerCase(Locale.ROOT) + " " + giga(rate) + " GFLOP/s"));
        StringBuilder text = new StringBuilder();
        text.append(String.format(
                Locale.ROOT,
                "Floor, on %d threads: %s in a product %dx%dx%d; memory is read at %s GB/s.%n"
                        + "Time is summed over threads. A rate is one thread's; what a cache holds can pass the floor.%n%n",
                floor.threads(),
                rates,
                Floor.ROWS,
                Floor.IN,
                Floor.OUT,
                giga(floor.bytes())));
        text.append(row("operation", "calls", "ms", "time", "MB", "GFLOP/s", "GB/s", "floor"));
        long nanos = operations.stream().mapToLong(Operation::nanos).sum();
        long outside = Math.max(0, floor.threads() * spanNanos - nanos);
        double all = nanos + outside;
        double least = 0;
        for (Operation o : operations) {
            double seconds = floor.seconds(o.dtype(), o.flops(), o.bytes());
            least += seconds;
            text.append(row(
                    o.name(),
                    Long.toString(o.calls()),
                    millis(o.nanos()),
                    percent(o.nanos() / all),
                    mega(o.bytes()),
                    o.flops() == 0 ? "" : giga(o.flops() * 1e9 / o.nanos()),
                    giga(o.bytes() * 1e9 / o.nanos()),
                    percent(seconds * 1e9 / o.nanos())));
        }
        text.append(row("outside the engine", "", millis(outside), percent(outside / all), "", "", "", ""));
        long flops = operations.stream().mapToLong(Operation::flops).sum();
        long bytes = operations.stream().mapToLong(Operation::bytes).sum();
        text.append(row(
                "total",
                Long.toString(operations.stream().mapToLong(Operation::calls).sum()),
                millis(nanos + outside),
                percent(1),
                mega(bytes),
                giga(flops * 1e9 / all),
                giga(bytes * 1e9 / all),
                percent(least * 1e9 / all)));
        return text.toString();
    }

    private static String row(Object... cells) {
        return String.format(Locale.ROOT, "%-34s %9s %10s %7s %9s %9s %8s %7s%n", cells);
    }

    private static String millis(long nanos) {
        return String.format(Locale.ROOT, "%.1f", nanos / 1e6);
    }

    private static String mega(long bytes) {
        return String.format(Locale.ROOT, "%.1f", bytes / 1e6);
    }

    private static String giga(double perSecond) {
        return String.format(Locale.ROOT, "%.1f", perSecond / 1e9);
    }

    private static String percent(double share) {
        return Double.isFinite(share) ? String.format(Locale.ROOT, "%.1f %%", 100 * share) : "";
    }
}
