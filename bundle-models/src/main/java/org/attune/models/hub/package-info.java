/** Models from a Hugging Face hub: its cache on this machine, and the download into it. */
package org.attune.models.hub;
