/** The built-in data sources. */
package org.attune.sources;
