/** Text from language models: what the kernel offers to command lines, and to whoever evaluates by generation. */
@Export
@Version("1.0.0")
package org.attune.generation;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
