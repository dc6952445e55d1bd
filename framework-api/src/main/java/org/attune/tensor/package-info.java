/** Tensors with reverse-mode automatic differentiation: the only tensor type that a plug-in sees. */
@Export
@Version("1.0.0")
package org.attune.tensor;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
