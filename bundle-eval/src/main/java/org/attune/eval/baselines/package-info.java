/** Baselines: Tribuo's logistic regression on features that need no fine-tuning. */
package org.attune.eval.baselines;
