/** Families of decoders, models that predict the next token: a file each, over blocks that they share. */
package org.attune.models.decoder;
