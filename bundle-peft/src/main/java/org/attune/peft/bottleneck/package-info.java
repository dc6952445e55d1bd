/** Small networks with a narrow middle, added to the residual sums of a model. */
package org.attune.peft.bottleneck;
