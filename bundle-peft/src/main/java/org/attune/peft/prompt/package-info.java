/** Adapters that leave the model's maps as they are and put something before each sequence: virtual tokens, or keys and values. */
package org.attune.peft.prompt;
