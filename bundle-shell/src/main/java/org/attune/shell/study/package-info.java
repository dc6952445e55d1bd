/** Studies: their runs, each a process of its own, and the table of what they gave. */
package org.attune.shell.study;
