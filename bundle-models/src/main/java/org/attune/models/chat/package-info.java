/** Chat templates. */
package org.attune.models.chat;
