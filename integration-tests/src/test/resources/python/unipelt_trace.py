"""Makes the trace bert/unipelt-unpadded. Needs torch, and make_adapters.py in GOLDEN.

    unipelt_trace.py GOLDEN OUT

AdapterHub's gates average over padding too. This trains as its trace bert/unipelt does, from the same first values on the same texts,
with each text computed by itself, so that there is no padding. The forward pass is the one that reproduces AdapterHub's traces.
"""

import json
import os
import shutil
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

GOLDEN, OUT = sys.argv[1:]
sys.path.insert(0, GOLDEN)
from make_adapters import PEFT, Plain  # noqa: E402

source, out = f"{GOLDEN}/traces/bert/unipelt", f"{OUT}/bert/unipelt-unpadded"
for sub in ("adapter_init", "adapter_final"):
    os.makedirs(f"{out}/{sub}", exist_ok=True)
    config = open(f"{source}/{sub}/adapter_config.json").read()
    with open(f"{out}/{sub}/adapter_config.json", "w") as file:
        file.write(config.replace('\n "gating": true,\n', '\n "gating": true,\n "gate_mean": "text",\n', 1))
shutil.copy(f"{source}/adapter_init/adapter_model.safetensors", f"{out}/adapter_init")
shutil.copy(f"{source}/batches.safetensors", out)
trace = json.load(open(f"{source}/trace.json"))
data, probe = load_file(f"{source}/batches.safetensors"), load_file(f"{source}/probe.safetensors")
config = json.load(open(f"{GOLDEN}/models/bert/config.json"))
first = load_file(f"{source}/adapter_init/adapter_model.safetensors")
t = {n.removeprefix(PEFT): v.clone().requires_grad_() for n, v in first.items()}
model = Plain(config, load_file(f"{GOLDEN}/models/bert/model.safetensors"), t,
              json.load(open(f"{source}/adapter_init/adapter_config.json")))


def logits(ids, mask):
    return torch.cat([model.logits(row[: m.sum()][None].long(), m[: m.sum()][None].long()) for row, m in zip(ids, mask)])


def loss(step):
    y = logits(data[f"input_ids.{step}"], data[f"attention_mask.{step}"])
    return F.cross_entropy(y, data[f"labels.{step}"].long())


def probed():
    with torch.no_grad():
        return logits(probe["input_ids"], probe["attention_mask"]).contiguous()


before = probed()
optimizer = torch.optim.AdamW(t.values(), lr=trace["lr"], weight_decay=trace["weight_decay"])
losses, norms = [], []
for step in range(trace["steps"]):
    value = loss(step)
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    losses.append(value.item())
    norms.append(torch.nn.utils.clip_grad_norm_(t.values(), trace["clip"]).item())
    optimizer.step()
with torch.no_grad():
    final = loss(trace["steps"] - 1).item()
save_file({**{k: probe[k] for k in ("input_ids", "attention_mask", "labels")}, "logits_before": before, "logits_after": probed()},
          f"{out}/probe.safetensors")
save_file({PEFT + n: v.detach() for n, v in t.items()}, f"{out}/adapter_final/adapter_model.safetensors")
trace.update(method="unipelt-unpadded", losses=losses, grad_norms=norms, final_loss=final)
json.dump(trace, open(f"{out}/trace.json", "w"), indent=1)
