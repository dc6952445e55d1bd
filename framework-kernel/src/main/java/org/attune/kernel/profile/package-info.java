/** What a tensor engine's operations cost: counted always, recorded one by one on request. */
package org.attune.kernel.profile;
