package org.attune.shell.text;

/** What a model writes, made safe for a terminal: without the characters that move the cursor or do worse. */
public final class Printable {
    private Printable() {}

    public static String of(String text) {
        return text.replaceAll("[\\p{Cc}&&[^\\n\\t]]", "");
    }
}
