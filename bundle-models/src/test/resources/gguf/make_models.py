"""Writes a tiny GGUF of each architecture, laid out as llama.cpp's converter does, and models.json: the ids of a text by the
model's tokenizer and what transformers, whose own reader of GGUF has to find the same weights in the file, computes of them in
float64.

    python make_models.py       needs torch, transformers, gguf
"""
import json
import os

import gguf
import numpy
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = os.path.dirname(os.path.abspath(__file__))
TEXT = "the river bends 12 times, isn't it?\n"
CORPUS = ["the river bends twice before the mill", "it isn't the 12 times that it bends, it is the river"] * 20
LAYERS, HIDDEN, HEADS, KEY_HEADS, INNER, POSITIONS = 2, 32, 4, 2, 64, 64

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(
    CORPUS,
    trainers.BpeTrainer(
        vocab_size=280, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    ),
)
BPE = json.loads(tokenizer.to_str())["model"]
VOCABULARY = len(BPE["vocab"])


def write(name, config, rename, layout=lambda name, weight: weight, type_=gguf.GGMLQuantizationType.F16, skip=()):
    """A random model of a configuration in NAME.gguf, the metadata being what ARCHITECTURES says."""
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()  # others leave out soft caps
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.5 if parameter.dim() == 1 else 0, 0.2)
    path = os.path.join(FOLDER, name + ".gguf")
    writer = gguf.GGUFWriter(path, name)
    writer.add_block_count(LAYERS)
    writer.add_context_length(POSITIONS)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    if name == "gpt2":
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    else:
        writer.add_head_count_kv(KEY_HEADS)
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
        writer.add_rope_freq_base(20000.0)
    METADATA.get(name, lambda writer: None)(writer)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    tokens = sorted(BPE["vocab"], key=BPE["vocab"].get)
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3] + [1] * (len(tokens) - 2))
    writer.add_token_merges([" ".join(m) if isinstance(m, list) else m for m in BPE["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    for key, weight in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        stem, kind = key.rsplit(".", 1)
        for old, new in rename:
            stem = stem.replace(old, new)
        weight = layout(stem + "." + kind, weight.numpy())
        plain = weight.ndim == 1 or weight.shape[-1] % 32 != 0
        kept = gguf.GGMLQuantizationType.F32 if plain else type_
        writer.add_tensor(stem + "." + kind, gguf.quants.quantize(numpy.ascontiguousarray(weight), kept), raw_dtype=kept)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    # Weights by transformers' reader; the configuration is the one above, which that reader does not get in full.
    read = transformers.AutoModelForCausalLM.from_pretrained(FOLDER, gguf_file=name + ".gguf", dtype=torch.float32)
    model.load_state_dict(read.state_dict())
    ids = tokenizer.encode(TEXT).ids
    with torch.no_grad():
        logits = model.double()(torch.tensor([ids])).logits[0]
    return {"text": TEXT, "ids": ids, "last_logits": logits[-1, :16].tolist(), "mean_square": float(logits.pow(2).mean())}


LLAMA = [
    ("model.layers", "blk"),
    ("model.embed_tokens", "token_embd"),
    ("model.norm", "output_norm"),
    ("lm_head", "output"),
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
]
PRE_NORM = [("post_attention_layernorm", "ffn_norm")]
SANDWICH = [
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
]
GPT2 = [
    ("transformer.h", "blk"),
    ("transformer.wte", "token_embd"),
    ("transformer.wpe", "position_embd"),
    ("transformer.ln_f", "output_norm"),
    ("lm_head", "output"),
    ("ln_1", "attn_norm"),
    ("attn.c_attn", "attn_qkv"),
    ("attn.c_proj", "attn_output"),
    ("ln_2", "ffn_norm"),
    ("mlp.c_fc", "ffn_up"),
    ("mlp.c_proj", "ffn_down"),
]


def interleaved(name, weight):
    heads = HEADS if ".attn_q." in name else KEY_HEADS if ".attn_k." in name else 0
    if heads == 0:
        return weight
    return weight.reshape(heads, 2, -1, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


def turned(name, weight):
    return weight.T if any(n in name for n in ("attn_qkv.w", "attn_output.w", "ffn_up.w", "ffn_down.w")) else weight


def plus_one(name, weight):
    return weight + 1 if name.endswith("norm.weight") else weight


def heads(size):
    def add(writer):
        writer.add_key_length(size)
        writer.add_value_length(size)

    return add


def gemma2(writer):
    heads(16)(writer)
    writer.add_attn_logit_softcapping(5.0)
    writer.add_final_logit_softcapping(3.0)
    writer.add_sliding_window(8)


def gemma3(writer):
    heads(16)(writer)
    writer.add_sliding_window(8)


METADATA = {"qwen3": heads(16), "gemma2": gemma2, "gemma3": gemma3}
shape = dict(
    vocab_size=VOCABULARY,
    hidden_size=HIDDEN,
    intermediate_size=INNER,
    num_hidden_layers=LAYERS,
    num_attention_heads=HEADS,
    num_key_value_heads=KEY_HEADS,
    max_position_embeddings=POSITIONS,
    rope_theta=20000.0,
    rms_norm_eps=1e-5,
)
Q8_0 = gguf.GGMLQuantizationType.Q8_0
expected = {
    "llama": write(
        "llama", transformers.LlamaConfig(**shape, tie_word_embeddings=False), LLAMA + PRE_NORM, interleaved, Q8_0
    ),
    "qwen2": write("qwen2", transformers.Qwen2Config(**shape, tie_word_embeddings=True), LLAMA + PRE_NORM),
    "qwen3": write("qwen3", transformers.Qwen3Config(**shape, head_dim=16, tie_word_embeddings=True), LLAMA + PRE_NORM),
    "gpt2": write(
        "gpt2",
        transformers.GPT2Config(
            vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, n_inner=INNER
        ),
        GPT2,
        turned,
    ),
    "gemma2": write(
        "gemma2",
        transformers.Gemma2Config(
            **shape,
            head_dim=16,
            query_pre_attn_scalar=16,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=3.0,
            sliding_window=8,
        ),
        LLAMA + SANDWICH,
        plus_one,
    ),
    "gemma3": write(
        "gemma3",
        transformers.Gemma3TextConfig(**shape, head_dim=16, query_pre_attn_scalar=16, sliding_window=8),
        LLAMA + SANDWICH,
        plus_one,
    ),
}
with open(os.path.join(FOLDER, "models.json"), "w") as out:
    json.dump(expected, out, indent=1)
