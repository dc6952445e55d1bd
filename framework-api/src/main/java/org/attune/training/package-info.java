/** The contracts of a training method: Trainer, Adapter, Regularizer, Sampler. */
@Export
@Version("1.0.0")
package org.attune.training;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
