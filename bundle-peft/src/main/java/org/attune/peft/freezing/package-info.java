/** Methods over the base model's own weights that decide, while training runs, which of them train. */
package org.attune.peft.freezing;
