/** Where models come from: Hugging Face folders and Maven artifacts, their configurations, weights and tokenizers. */
package org.attune.models;
