/** What every plug-in has in common: its name, its declared options, and how it reports a user's mistake. */
@Export
@Version("1.0.0")
package org.attune.plugin;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
