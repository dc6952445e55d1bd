/** Evaluation on Tribuo, a library that stays inside this bundle. */
package org.attune.eval;
