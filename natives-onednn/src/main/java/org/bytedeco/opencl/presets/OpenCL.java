package org.bytedeco.opencl.presets;

/**
 * Stands in for the class of the same name in the OpenCL preset, which oneDNN's preset names in an annotation although
 * its CPU library never calls OpenCL. With it neither the OpenCL classes nor an OpenCL driver are needed.
 */
public class OpenCL {}
