/** Running and watching trials: what the shell and the command line use. */
@Export
@Version("1.0.0")
package org.attune.trial;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
