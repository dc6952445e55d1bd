/** The BERT family. */
package org.attune.models.bert;
