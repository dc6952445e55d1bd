/**
 * Classification metrics. They stand on Tribuo's confusion matrix where Tribuo has the number and gives scikit-learn's value; the
 * classes say where they do not.
 */
package org.attune.eval.metrics;
