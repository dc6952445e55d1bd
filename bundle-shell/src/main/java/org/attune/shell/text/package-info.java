/** What the command line and the shell show: tables, progress, reports, all as plain text. */
package org.attune.shell.text;
