/** Metrics: how predictions become named numbers. */
@Export
@Version("1.0.0")
package org.attune.evaluation;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
