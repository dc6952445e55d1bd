package org.attune.evaluation;

import java.util.List;

/**
 * A table of a report.
 *
 * @param title what it shows
 * @param header one name a column
 * @param rows as many cells each as the header
 */
public record Table(String title, List<String> header, List<List<String>> rows) {}
