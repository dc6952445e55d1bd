/** Weights out of ONNX files: just enough of the format to read a graph's initialisers and to name them. */
package org.attune.models.onnx;
