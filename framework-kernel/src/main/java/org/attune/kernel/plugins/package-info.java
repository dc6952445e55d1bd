/** Finds plug-ins, engines and base models, and tells their users when one goes away. */
package org.attune.kernel.plugins;
