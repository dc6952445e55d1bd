/** Data sources: which examples there are, by split and index, with which fields. */
@Export
@Version("1.0.0")
package org.attune.data;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
