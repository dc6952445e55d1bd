package org.attune.data;

import java.util.Map;

/**
 * One example.
 *
 * @param id names it in messages: {@code data.jsonl:17}
 * @param fields text by field name, for example {@code text} and {@code label}
 */
public record Example(String id, Map<String, String> fields) {}
