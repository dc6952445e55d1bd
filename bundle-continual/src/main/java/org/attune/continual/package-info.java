/** Regularizers that hold a model to what it knew. */
package org.attune.continual;
