/** The command line. */
package org.attune.shell.cli;
