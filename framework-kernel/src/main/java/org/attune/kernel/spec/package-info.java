/** Reads specs and binds options, with a clear line for each mistake. */
package org.attune.kernel.spec;
