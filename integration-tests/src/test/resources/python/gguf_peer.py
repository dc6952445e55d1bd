"""The other side of GgufExportTest: reads GGUF files with llama.cpp's own reader and holds them against Hugging Face folders.

    gguf_peer.py OUT.json FOLDER FILE [FOLDER FILE]...

Names, the order of Llama's rows and the arithmetic of blocks are those of the package gguf, on which llama.cpp's converter
stands. OUT has for each file its metadata, and for each tensor its type and the largest difference from the folder's tensor,
relative to the largest element of its block of 32.
"""

import json
import sys

import numpy as np
from gguf import GGUFReader, MODEL_ARCH_NAMES, get_tensor_name_map
from gguf.quants import dequantize
from safetensors.numpy import load_file


def value(field):
    return field.contents()


def interleaved(rows, heads):
    """As the converter's permute does it."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def compared(folder, file):
    config = json.load(open(folder + "/config.json"))
    reader = GGUFReader(file)
    metadata = {name: value(field) for name, field in reader.fields.items()}
    architecture = metadata["general.architecture"]
    kind = next(k for k, name in MODEL_ARCH_NAMES.items() if name == architecture)
    names = get_tensor_name_map(kind, metadata[architecture + ".block_count"])
    expected = {}
    for name, tensor in load_file(folder + "/model.safetensors").items():
        if architecture == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            tensor = tensor.T
        if architecture == "llama" and "q_proj" in name:
            tensor = interleaved(tensor, config["num_attention_heads"])
        if architecture == "llama" and "k_proj" in name:
            tensor = interleaved(tensor, config["num_key_value_heads"])
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            tensor = tensor + 1
        expected[names.get_name(name, try_suffixes=(".weight", ".bias"))] = tensor
    if config.get("tie_word_embeddings"):
        expected.pop("output.weight", None)
    tensors = {}
    for tensor in reader.tensors:
        found = dequantize(tensor.data, tensor.tensor_type)
        wanted = np.ascontiguousarray(expected.pop(tensor.name))
        assert found.shape == wanted.shape, (tensor.name, found.shape, wanted.shape)
        assert tensor.data_offset % 32 == 0, tensor.name
        scale = np.abs(wanted.reshape(-1, 32)).max(1, keepdims=True)
        difference = np.abs(found - wanted).reshape(-1, 32) / np.maximum(scale, 1e-12)
        tensors[tensor.name] = {"type": tensor.tensor_type.name, "difference": float(difference.max())}
    assert not expected, list(expected)
    return {"metadata": metadata, "tensors": tensors}


pairs = sys.argv[2:]
with open(sys.argv[1], "w") as out:
    json.dump([compared(pairs[i], pairs[i + 1]) for i in range(0, len(pairs), 2)], out, default=lambda x: x.item())
