/** Conformance suites: an implementation's test extends the suite of its contract and so gets all of its tests. */
@Export
@Version("1.0.0")
package org.attune.testkit;

import org.osgi.annotation.bundle.Export;
import org.osgi.annotation.versioning.Version;
