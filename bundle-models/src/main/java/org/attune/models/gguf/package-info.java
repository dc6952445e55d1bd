/** Models in GGUF files, llama.cpp's format: configuration, tokenizer and weights, the latter in blocks of few bits. */
package org.attune.models.gguf;
