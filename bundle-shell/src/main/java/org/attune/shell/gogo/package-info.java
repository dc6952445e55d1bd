/** The interactive shell: Felix Gogo's language, JLine's line editor, and the commands of the scope {@code attune}. */
package org.attune.shell.gogo;
