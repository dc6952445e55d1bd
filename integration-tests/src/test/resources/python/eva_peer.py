"""The other side of EvaTest: first values of a LoRA adapter by the real PEFT. Needs torch, transformers and peft.

    eva_peer.py JOBS.json OUT.json

A job is {"base": FOLDER, "task": TASK_TYPE, "labels": N, "config": {...}, "eva": {...}, "batches": [[{"ids": [...], "labels": [...]}...]...]}.
OUT has of each {"factors": {PATH: [[...]...]}, "rank_pattern": {...}, "alpha_pattern": {...}}.
"""

import json
import sys

import torch
from peft import EvaConfig, LoraConfig, get_peft_model, initialize_lora_eva_weights
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification


def padded(rows, fill):
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [fill] * (longest - len(row)) for row in rows])


def batch(samples, tokens):
    ids = [sample["ids"] for sample in samples]
    found = {"input_ids": padded(ids, 0), "attention_mask": padded([[1] * len(row) for row in ids], 0)}
    if tokens:
        found["labels"] = padded([sample["labels"] for sample in samples], -100)
    return found


def answer(job):
    tokens = job["task"] == "CAUSAL_LM"
    if tokens:
        base = AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.float32)
    else:
        base = AutoModelForSequenceClassification.from_pretrained(
            job["base"], num_labels=job["labels"], dtype=torch.float32)
    config = LoraConfig(
        task_type=job["task"], init_lora_weights="eva", eva_config=EvaConfig(**job["eva"]), **job["config"])
    model = get_peft_model(base, config)
    initialize_lora_eva_weights(
        model, dataloader=[batch(samples, tokens) for samples in job["batches"]], show_progress_bar=False)
    factors = {
        name.removeprefix("base_model.model.").removesuffix(".lora_A.default.weight"): value.tolist()
        for name, value in model.named_parameters()
        if "lora_A" in name
    }
    used = model.peft_config["default"]
    return {"factors": factors, "rank_pattern": used.rank_pattern, "alpha_pattern": used.alpha_pattern}


with open(sys.argv[1]) as jobs:
    answers = [answer(job) for job in json.load(jobs)]
with open(sys.argv[2], "w") as out:
    json.dump(answers, out)
