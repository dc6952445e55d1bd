package org.attune.peft.prompt;

import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.training.Adapter.UnsupportedMethod;

/**
 * The field {@code prefix} in an {@code adapter_config.json} of methods of which a prefix is one part.
 *
 * @param hidden width between the maps that compute it; 0 where it is trained as it is
 * @param gated whether keys and values are multiplied by a gate
 */
record PrefixField(int length, int hidden, boolean gated) {
    static final String NAME = "prefix";

    static PrefixField computed(int length, int hidden) {
        return new PrefixField(length, hidden, false);
    }

    static PrefixField gated(int length) {
        return new PrefixField(length, 0, true);
    }

    Map<String, Object> written() {
        Map<String, Object> field = new LinkedHashMap<>();
        field.put("length", length);
        field.put("mlp", hidden > 0);
        field.put("mlp_hidden", hidden > 0 ? hidden : null);
        field.put("mlp_non_linearity", hidden > 0 ? "tanh" : null);
        field.put("gating", gated);
        return field;
    }

    /** @param method the adapter's name, for errors */
    static PrefixField read(String method, Object field) {
        if (field instanceof Map<?, ?> map
                && map.get("length") instanceof Integer length
                && length > 0
                && map.get("gating") instanceof Boolean gated) {
            if (!Boolean.TRUE.equals(map.get("mlp"))) {
                return new PrefixField(length, 0, gated);
            }
            if (map.get("mlp_hidden") instanceof Integer hidden
                    && hidden > 0
                    && "tanh".equals(map.get("mlp_non_linearity"))) {
                return new PrefixField(length, hidden, gated);
            }
        }
        throw unsupported(method, field);
    }

    /** @throws UnsupportedMethod if it is not computed, or gated: one of the two it is */
    void require(String method, boolean computed) {
        if (computed != hidden > 0 || computed == gated) {
            throw unsupported(method, written());
        }
    }

    private static UnsupportedMethod unsupported(String method, Object field) {
        return new UnsupportedMethod("adapter_config.json has " + NAME + "=" + field + ", which the adapter " + method
                + " does not support");
    }
}
