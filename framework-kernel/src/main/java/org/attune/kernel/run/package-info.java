/** The run folder: what a trial writes so that it can be trusted, repeated and resumed. */
package org.attune.kernel.run;
