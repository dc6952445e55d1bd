package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.model.Tokenizer;

/**
 * The text of tokens as they come. A character may take several tokens, and a tokenizer may write a token differently after others: so
 * a token is decoded together with some before it, and held back until its characters are whole. What may begin a stop text is held
 * back too.
 */
final class TextStream {
    /** What tokenizers put for bytes that are no whole character. */
    private static final String BROKEN = "\uFFFD";

    private final Tokenizer tokenizer;
    private final List<String> stop;
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder held = new StringBuilder();
    private int[] ids = new int[64];
    private int size;
    /** The tokens before the last that were read, which the next are decoded with. */
    private int context;

    private int read;
    private boolean stopped;

    TextStream(Tokenizer tokenizer, List<String> stop) {
        this.tokenizer = tokenizer;
        this.stop = new ArrayList<>(stop);
    }

    /** Takes a token; gives the text that is certain now, often none. */
    String add(int id) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, 2 * size);
        }
        ids[size++] = id;
        String before = decode(context, read);
        String now = decode(context, size);
        if (now.length() <= before.length() || now.endsWith(BROKEN)) {
            return "";
        }
        context = read;
        read = size;
        held.append(now, before.length(), now.length());
        return release(false);
    }

    /** Whether a stop text has come: no more tokens are to be added. */
    boolean stopped() {
        return stopped;
    }

    /** Ends the text; gives what was held back. */
    String finish() {
        if (!stopped) {
            String before = decode(context, read);
            String now = decode(context, size);
            held.append(now, Math.min(before.length(), now.length()), now.length());
            read = size;
            context = size;
        }
        return release(true);
    }

    /** All that was given. */
    String text() {
        return text.toString();
    }

    private String decode(int from, int to) {
        return from == to ? "" : tokenizer.decode(Arrays.copyOfRange(ids, from, to));
    }

    private String release(boolean all) {
        int end = stopped ? 0 : firstStop();
        if (end >= 0) {
            stopped = true;
        } else {
            end = all ? held.length() : held.length() - openStop();
        }
        String piece = held.substring(0, end);
        if (stopped) {
            held.setLength(0);
        } else {
            held.delete(0, end);
        }
        text.append(piece);
        return piece;
    }

    /** Where the first stop text begins, -1 for nowhere. */
    private int firstStop() {
        int first = -1;
        for (String s : stop) {
            int at = held.indexOf(s);
            if (at >= 0 && (first < 0 || at < first)) {
                first = at;
            }
        }
        return first;
    }

    /** How many characters at the end may begin a stop text. */
    private int openStop() {
        int longest = 0;
        for (String s : stop) {
            for (int n = Math.min(s.length() - 1, held.length()); n > longest; n--) {
                if (s.startsWith(held.substring(held.length() - n))) {
                    longest = n;
                }
            }
        }
        return longest;
    }
}
