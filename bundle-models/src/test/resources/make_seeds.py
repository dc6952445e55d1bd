"""Writes the seeds of the fuzz tests: small files that are right, from which the fuzzer goes on.

    python make_seeds.py        needs numpy, gguf, onnx, safetensors
"""
import json
import os

import gguf
import numpy
import onnx
import safetensors.numpy

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "org", "attune", "models")


def seed(test, name):
    folder = os.path.join(HERE, *(test + "Inputs").split("."), "reads")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)


safetensors.numpy.save_file(
    {"a.weight": numpy.ones((2, 3), numpy.float32), "b": numpy.zeros(4, numpy.float16), "ids": numpy.arange(3)},
    seed("SafetensorsFuzz", "three-tensors"),
    metadata={"format": "pt"},
)
os.chmod(seed("SafetensorsFuzz", "three-tensors"), 0o644)


def write_gguf(name, architecture, tokenizer, extra):
    writer = gguf.GGUFWriter(seed("gguf.GgufFuzz", name), architecture)
    writer.add_block_count(1)
    writer.add_context_length(8)
    writer.add_embedding_length(4)
    writer.add_feed_forward_length(4)
    writer.add_head_count(2)
    extra(writer)
    writer.add_tokenizer_model(tokenizer)
    writer.add_token_list(["<s>", "a", "b", "ab"])
    writer.add_token_types([3, 1, 1, 1])
    if tokenizer == "gpt2":
        writer.add_tokenizer_pre("smollm")
        writer.add_token_merges(["a b"])
    else:
        writer.add_token_scores([0.0, -1.0, -2.0, -3.0])
    writer.add_bos_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_tensor("token_embd.weight", numpy.ones((4, 4), numpy.float32))
    writer.add_tensor("blk.0.attn_q.weight", numpy.ones((4, 4), numpy.float32))
    q8 = gguf.quants.quantize(numpy.ones((1, 32), numpy.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.other", q8, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gated(writer):
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)


def scaled(writer):
    gated(writer)
    writer.add_key_length(2)
    writer.add_value_length(2)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(2.0)
    writer.add_rope_scaling_orig_ctx_len(8)


write_gguf("llama", "llama", "gpt2", gated)
write_gguf("qwen3", "qwen3", "llama", scaled)
write_gguf("gpt2", "gpt2", "gpt2", lambda writer: writer.add_layer_norm_eps(1e-5))

linear = onnx.helper.make_node("MatMul", ["x", "onnx::MatMul_1"], ["/encoder/query/MatMul_output_0"])
weights = [
    onnx.numpy_helper.from_array(numpy.ones((2, 3), numpy.float32), "onnx::MatMul_1"),
    onnx.numpy_helper.from_array(numpy.ones(3, numpy.float32), "encoder.query.bias"),
    onnx.numpy_helper.from_array(numpy.arange(3), "position_ids"),
]
graph = onnx.helper.make_graph([linear], "main", [], [], weights)
onnx.save(onnx.helper.make_model(graph), seed("onnx.OnnxFuzz", "linear"))

BERT = {
    "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 6,
    "max_position_embeddings": 8, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "pad_token_id": 1,
}  # fmt: skip
GATED = {
    "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 2,
    "intermediate_size": 6, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "hidden_act": "silu", "sliding_window": 4,
    "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 2, "tie_word_embeddings": True,
}  # fmt: skip
GPT2 = {
    "vocab_size": 8, "n_embd": 4, "n_head": 2, "n_layer": 1, "n_positions": 8, "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_new", "embd_pdrop": 0.1, "resid_pdrop": 0.1,
}  # fmt: skip
DISTILBERT = {
    "vocab_size": 8, "dim": 4, "n_heads": 2, "n_layers": 1, "hidden_dim": 6, "max_position_embeddings": 8, "activation": "gelu",
    "dropout": 0.1, "attention_dropout": 0.1,
}  # fmt: skip
YARN = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8, "beta_fast": 32}
LLAMA3 = {
    "rope_type": "llama3", "factor": 2.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8,
}  # fmt: skip
CONFIGS = {
    "bert": BERT,
    "roberta": BERT,
    "distilbert": DISTILBERT,
    "gpt2": GPT2,
    "llama": {**GATED, "rope_theta": 10000.0, "rope_scaling": LLAMA3},
    "mistral": {**GATED, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "qwen2": {**GATED, "use_sliding_window": True, "rope_parameters": {**YARN, "rope_theta": 10000.0}},
    "qwen3": {**GATED, "layer_types": ["full_attention", "full_attention"]},
    "gemma2": {**GATED, "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    "gemma3_text": {**GATED, "sliding_window_pattern": 2, "rope_local_base_freq": 10000.0},
}
for model_type, config in CONFIGS.items():
    with open(seed("ConfigFuzz", model_type), "w") as out:
        json.dump({"model_type": model_type, **config}, out)
