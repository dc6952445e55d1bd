"""Makes tiny Hugging Face folders of families whose files in GGUF differ from Llama's, for GgufExportTest.

    python gguf_models.py FOLDER        needs torch, transformers, tokenizers

Qwen3's tokenizer cuts words as Qwen2's does; Gemma's has SentencePiece's merges and tokens of several blanks.
"""

import json
import os
import sys

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

FOLDER = sys.argv[1]
CORPUS = ["the river bends twice before the mill", "it isn't the 12 times that it bends, it is the river"] * 20
SHAPE = dict(
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=7,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
SPECIAL = ["<pad>", "<s>", "</s>"]
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def bytes_():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(WORDS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    )
    return tokenizer


def pieces():
    """The merges are those of convert_slow_tokenizer: all pairs of pieces that make a piece, by the rank of what they make."""
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=120, show_progress=False))
    learnt = json.loads(trained.to_str())["model"]
    made = [left + right for left, right in learnt["merges"]]
    letters = [token for token in learnt["vocab"] if len(token) == 1]
    tokens = SPECIAL + ["<unk>", "▁▁", "▁▁▁"] + [f"<0x{byte:02X}>" for byte in range(256)] + made + letters
    known = set(made + letters)
    merges = [(t[:i], t[i:]) for t in made for i in range(1, len(t)) if t[:i] in known and t[i:] in known]
    vocabulary = {token: id for id, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(SPECIAL + ["<unk>"])
    tokenizer.add_tokens(["▁▁", "▁▁▁"])
    return tokenizer


def save(name, tokenizer, kind, **more):
    torch.manual_seed(0)
    config = kind(**{**SHAPE, **more}, vocab_size=tokenizer.get_vocab_size() + 3)
    model = transformers.AutoModelForCausalLM.from_config(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.5 if parameter.dim() == 1 else 0, 0.1)
    folder = os.path.join(FOLDER, name)
    model.save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))


gemma = dict(query_pre_attn_scalar=32, sliding_window=4)
save("qwen3", bytes_(), transformers.Qwen3Config, tie_word_embeddings=True)
save("gemma2", pieces(), transformers.Gemma2Config, **gemma)
save("gemma3", pieces(), transformers.Gemma3TextConfig, **gemma)
