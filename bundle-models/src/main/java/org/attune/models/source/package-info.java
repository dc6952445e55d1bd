/** The places that models are loaded from. */
package org.attune.models.source;
