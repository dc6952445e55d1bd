/** What oneDNN's own C interface lacks: how many threads it uses. */
@Export
@Version("1.0.0")
package org.attune.natives.onednn;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
