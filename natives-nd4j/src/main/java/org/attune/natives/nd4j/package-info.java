/** Loads ND4J and says in one line why it cannot be loaded. */
@Export
@Version("1.0.0")
package org.attune.natives.nd4j;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
