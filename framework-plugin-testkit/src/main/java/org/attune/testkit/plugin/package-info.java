/** What plug-ins have to pass, run over the kernel itself. */
@Export
@Version("1.0.0")
package org.attune.testkit.plugin;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
