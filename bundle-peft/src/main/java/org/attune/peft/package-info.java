/** Adapters: which numbers are trained, and how they change the model's forward pass. */
package org.attune.peft;
