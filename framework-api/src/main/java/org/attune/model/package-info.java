/** Language models as plug-ins see them: attach points, transforms, packed batches, tokenizers, loaders. */
@Export
@Version("1.0.0")
package org.attune.model;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
