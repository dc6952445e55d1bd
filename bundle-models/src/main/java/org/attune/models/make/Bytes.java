package org.attune.models.make;

import java.util.ArrayList;
import java.util.List;

/** The characters that GPT-2's tokenizers write bytes as: printable ones stand for themselves, others for those from U+0100 on. */
final class Bytes {
    private static final int VALUES = 256;
    private static final String[] CHARACTERS = characters();

    private Bytes() {}

    private static String[] characters() {
        String[] characters = new String[VALUES];
        int next = VALUES;
        for (int b = 0; b < VALUES; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
            characters[b] = Character.toString(printable ? b : next++);
        }
        return characters;
    }

    /** All 256, by byte. */
    static List<String> all() {
        return new ArrayList<>(List.of(CHARACTERS));
    }

    /** The character of a byte. */
    static String of(int value) {
        return CHARACTERS[value];
    }
}
