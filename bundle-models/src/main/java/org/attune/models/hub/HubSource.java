package org.attune.models.hub;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.plugin.UserError;

/**
 * A model on a hub as a spec names it: {@code hf:org/name[@revision]}.
 *
 * @param id {@code org/name}, or {@code name} alone for the oldest models
 * @param revision a branch, a tag or a commit
 */
record HubSource(String id, String revision) {
    static final String SCHEME = "hf:";

    private static final String WORD = "[A-Za-z0-9](?:[A-Za-z0-9_]|[.-](?![.-]))*";
    private static final Pattern FORM =
            Pattern.compile(SCHEME + "(" + WORD + "(?:/" + WORD + ")?)(?:@([A-Za-z0-9](?:[\\w/-]|\\.(?!\\.))*))?");

    /** @throws UserError if it has another form; what it names becomes part of paths, so nothing that climbs out of a folder passes */
    static HubSource parse(String source) {
        Matcher form = FORM.matcher(source);
        if (!form.matches()) {
            throw new UserError("model " + source + ": expected hf:org/name or hf:org/name@revision");
        }
        return new HubSource(form.group(1), form.group(2) == null ? "main" : form.group(2));
    }

    @Override
    public String toString() {
        return SCHEME + id + (revision.equals("main") ? "" : "@" + revision);
    }
}
