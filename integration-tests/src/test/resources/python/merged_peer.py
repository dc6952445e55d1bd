"""The other side of MergeTest: the largest relative difference of logits between a PEFT adapter on its base and a merged folder.

    merged_peer.py ADAPTER MERGED OUT.txt
"""

import sys

import torch
from peft import AutoPeftModelForSequenceClassification
from transformers import AutoModelForSequenceClassification

merged = AutoModelForSequenceClassification.from_pretrained(sys.argv[2]).eval()
adapted = AutoPeftModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=merged.config.num_labels).eval()
ids = torch.tensor([[2, 17, 31, 8, 44, 3, 90, 14]])
with torch.no_grad():
    ours = merged(input_ids=ids).logits
    theirs = adapted(input_ids=ids).logits
with open(sys.argv[3], "w") as out:
    out.write(str(float((ours - theirs).abs().max() / theirs.abs().max())))
