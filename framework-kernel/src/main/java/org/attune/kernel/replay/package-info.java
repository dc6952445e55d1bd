/** Replays traces of reference implementations. */
package org.attune.kernel.replay;
