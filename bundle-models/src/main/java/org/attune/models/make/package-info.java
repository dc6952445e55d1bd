/** New models: a tokenizer that is trained on text, and random weights. */
package org.attune.models.make;
