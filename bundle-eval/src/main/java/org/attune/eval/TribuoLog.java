package org.attune.eval;

import java.util.logging.Level;
import java.util.logging.Logger;

/** Keeps Tribuo's remarks on each training and each undefined ratio off the console. */
public final class TribuoLog {
    // Held here: the log manager refers to a logger weakly and would forget its level.
    private static final Logger TRIBUO = Logger.getLogger("org.tribuo");

    private TribuoLog() {}

    /** To be called before the first use of Tribuo. */
    public static void quiet() {
        TRIBUO.setLevel(Level.SEVERE);
    }
}
