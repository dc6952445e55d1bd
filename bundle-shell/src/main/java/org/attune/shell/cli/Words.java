package org.attune.shell.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.attune.plugin.UserError;

/** The words that stand for constants on the command line. */
final class Words {
    private Words() {}

    /** @throws UserError if no constant is written so; it lists them */
    static <E extends Enum<E>> E constant(Class<E> type, String option, String text) {
        List<String> names = new ArrayList<>();
        for (E constant : type.getEnumConstants()) {
            String name = constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
            if (name.equals(text)) {
                return constant;
            }
            names.add(name);
        }
        throw new UserError(option + " " + text + ": expected one of " + String.join(", ", names));
    }
}
