"""The other side of PeftExchangeTest: real PEFT adapters, made and read. Needs torch, transformers and peft.

    peft_peer.py JOBS.json OUT.json

A job is {"base": FOLDER, "adapter": FOLDER, "task": TASK_TYPE, "labels": N, "sequences": [[ID...]...]}. With "config" (fields
of a PEFT configuration, of LoRA if it has no peft_type) the adapter is made first, with random values, and saved there. OUT has the logits of each job's sequences with
the adapter, and after merging it: {"logits": [...], "merged": [...]}, row-major.
"""

import json
import sys

import torch
from peft import PeftModel, get_peft_config, get_peft_model
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification


def base(job):
    if job["task"] == "SEQ_CLS":
        return AutoModelForSequenceClassification.from_pretrained(
            job["base"], num_labels=job["labels"], dtype=torch.float32)
    return AutoModelForCausalLM.from_pretrained(job["base"], dtype=torch.float32)


def logits(model, sequences):
    model.eval()
    rows = []
    with torch.no_grad():
        for ids in sequences:  # one at a time, so that nothing is padded
            rows += model(input_ids=torch.tensor([ids])).logits.double().flatten().tolist()
    return rows


def made(job):
    config = get_peft_config({"peft_type": "LORA", "task_type": job["task"], **job["config"]})
    model = get_peft_model(base(job), config)
    torch.manual_seed(11)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(0, 0.1)
    model.save_pretrained(job["adapter"])


def answer(job):
    if "config" in job:
        made(job)
    model = PeftModel.from_pretrained(base(job), job["adapter"])
    with_adapter = logits(model, job["sequences"])
    if model.active_peft_config.is_prompt_learning:  # nothing can be merged
        return {"logits": with_adapter, "merged": with_adapter}
    return {"logits": with_adapter, "merged": logits(model.merge_and_unload(), job["sequences"])}


with open(sys.argv[1]) as jobs:
    answers = [answer(job) for job in json.load(jobs)]
with open(sys.argv[2], "w") as out:
    json.dump(answers, out)
