"""Trains a small SentencePiece model on the sentences below, writes its tokenizer as llama.cpp's converter does into
sentencepiece.gguf, and into sentencepiece.json the ids of some texts by SentencePiece itself, begin of text included.

    python make_sentencepiece.py        needs sentencepiece, gguf
"""
import io
import json
import os

import gguf
import sentencepiece

FOLDER = os.path.dirname(os.path.abspath(__file__))
CORPUS = [
    "the river bends twice before it reaches the old mill",
    "a heron stood in the shallow water and did not move",
    "in 1999 the miller's daughter counted 123 herons on the river",
    "the water of the mill moves the old wheel, and the wheel moves the stone",
] * 10
TEXTS = [
    "the old mill",
    "The  river\tbends\n\ntwice",
    "naïve 東京 🙂",
    " leading and trailing ",
    "",
    "2024: the miller's wheel</s>moves",
    "theheronstoodinthewater",
]

model = io.BytesIO()
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(CORPUS),
    model_writer=model,
    model_type="bpe",
    vocab_size=380,
    byte_fallback=True,
    character_coverage=1.0,
    normalization_rule_name="identity",
    remove_extra_whitespaces=False,
    minloglevel=2,
)
pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
ids = range(pieces.get_piece_size())
types = [2 if pieces.is_unknown(i) else 3 if pieces.is_control(i) else 6 if pieces.is_byte(i) else 1 for i in ids]
writer = gguf.GGUFWriter(os.path.join(FOLDER, "sentencepiece.gguf"), "llama")
writer.add_tokenizer_model("llama")
writer.add_token_list([pieces.id_to_piece(i) for i in ids])
writer.add_token_scores([pieces.get_score(i) for i in ids])
writer.add_token_types(types)
writer.add_bos_token_id(pieces.bos_id())
writer.add_eos_token_id(pieces.eos_id())
writer.add_unk_token_id(pieces.unk_id())
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()


def encode(text):
    """Special tokens are found in a text here, which SentencePiece leaves to its caller."""
    parts = text.split("</s>")
    out = [pieces.bos_id()]
    for i, part in enumerate(parts):
        out += ([pieces.eos_id()] if i else []) + pieces.encode(part)
    return out


with open(os.path.join(FOLDER, "sentencepiece.json"), "w") as out:
    json.dump([{"text": text, "ids": encode(text)} for text in TEXTS], out, ensure_ascii=False, indent=1)
