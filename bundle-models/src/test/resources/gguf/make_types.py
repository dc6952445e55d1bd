"""Writes types.gguf: for each element type a tensor of two rows of 512, and under NAME.expected what the Python package gguf makes
of it in float32.

    python make_types.py        needs numpy, gguf
"""
import os

import gguf
import numpy

TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]
# Where a block's float16 scales stand: the other bytes may be any.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
ROWS, COLUMNS = 2, 512

random = numpy.random.default_rng(0)
writer = gguf.GGUFWriter(os.path.join(os.path.dirname(os.path.abspath(__file__)), "types.gguf"), "none")
for name in TYPES:
    type_ = gguf.GGMLQuantizationType[name]
    block, size = gguf.GGML_QUANT_SIZES[type_]
    if name in SCALES:
        blocks = random.integers(0, 256, (ROWS * COLUMNS // block, size), numpy.uint8)
        for at in SCALES[name]:
            blocks[:, at : at + 2] = random.normal(0, 0.01, (len(blocks), 1)).astype(numpy.float16).view(numpy.uint8)
        stored = blocks.reshape(ROWS, -1)
    else:
        stored = gguf.quants.quantize(random.normal(0, 1, (ROWS, COLUMNS)).astype(numpy.float32), type_)
    expected = gguf.quants.dequantize(stored, type_).astype(numpy.float32).reshape(ROWS, COLUMNS)
    writer.add_tensor(name, stored, raw_dtype=type_)
    writer.add_tensor(name + ".expected", expected)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
