package org.attune.shell.text;

import java.time.Duration;
import java.util.Locale;

/** Numbers as people read them, the same in every locale. */
public final class Numbers {
    private Numbers() {}

    /** Whole numbers with separators: {@code 22,713,216}. */
    public static String whole(long value) {
        return String.format(Locale.ROOT, "%,d", value);
    }

    /** Four decimals; {@code -} where undefined. */
    public static String score(double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value);
    }

    /** {@code 7.1e-06}; {@code NaN} stays visible, as it is a finding in a comparison. */
    public static String error(double value) {
        return value == 0 ? "0" : String.format(Locale.ROOT, "%.1e", value);
    }

    /** {@code 0.69 %}. */
    public static String share(double part, double whole) {
        return String.format(Locale.ROOT, "%.2f %%", whole == 0 ? 0 : 100 * part / whole);
    }

    /** {@code 0:13}, {@code 1:02:03}. */
    public static String clock(Duration duration) {
        long seconds = Math.max(0, duration.toSeconds());
        return seconds < 3600
                ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
                : String.format(Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }

    /** {@code 62.1 s}. */
    public static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%,.1f s", seconds);
    }

    /** Examples a second: with a decimal below ten. */
    public static String rate(double perSecond) {
        return String.format(Locale.ROOT, perSecond < 10 ? "%.1f" : "%,.0f", perSecond);
    }

    /** {@code 812 MiB}, {@code 1.3 GiB}. */
    public static String bytes(long bytes) {
        if (bytes < 1024) {
            return bytes + " B";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < 4) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, value < 10 ? "%.1f %ciB" : "%.0f %ciB", value, "KMGTP".charAt(unit));
    }
}
