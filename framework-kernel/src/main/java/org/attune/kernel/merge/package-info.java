/** Merging trained adapters into their base model. */
package org.attune.kernel.merge;
