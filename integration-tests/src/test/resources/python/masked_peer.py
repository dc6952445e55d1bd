"""The other side of MaskedExchangeTest. Needs torch, transformers, peft and tokenizers.

    masked_peer.py make FOLDER                      a tiny BertForMaskedLM that knows the words of SmallRuns
    masked_peer.py logits BASE ADAPTER OUT.json     logits of a few masked texts by the base with a PEFT adapter, row-major
    masked_peer.py logits MERGED - OUT.json         and of a whole model
"""

import json
import os
import sys

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

WORDS = ["[PAD]", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "the", "house", "and", "other", "words"]
WORDS += [str(i) for i in range(12)]
IDS = [[1, 5, 6, 3, 10, 8, 9, 2], [1, 3, 6, 7, 3, 8, 3, 2]]


def make(folder):
    torch.manual_seed(0)
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=len(WORDS),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel({word: id for id, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.add_special_tokens(WORDS[:5])
    tokenizer.save(os.path.join(folder, "tokenizer.json"))


def logits(folder, adapter, out):
    model, information = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not any(information.values()), information
    if adapter != "-":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        rows = model.eval()(input_ids=torch.tensor(IDS)).logits
    with open(out, "w") as file:
        json.dump({"ids": IDS, "logits": rows.double().flatten().tolist()}, file)


make(*sys.argv[2:]) if sys.argv[1] == "make" else logits(*sys.argv[2:])
