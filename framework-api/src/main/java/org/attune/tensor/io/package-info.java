/** Tensors in files: reading and writing the safetensors format, which holds numbers and never code. */
@Export
@Version("1.0.0")
package org.attune.tensor.io;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
