/** Objectives that turn batches into losses, and the order in which examples come. */
package org.attune.trainers;
