/** What a tensor engine implements: memory and raw kernels, forward and backward. Plug-ins use Tensor instead. */
@Export
@Version("1.0.0")
package org.attune.tensor.engine;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
