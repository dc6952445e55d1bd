"""Makes traces of prompt methods for BERT, on the batches of bert/lora: an LSTM as encoder, a projected prefix, a prompt.
Needs torch, transformers and peft.

    prompt_traces.py GOLDEN OUT

PEFT saves the computed prompt alone, so its own files do not say where training began: these hold the encoder too.
"""

import json
import os
import sys

import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

GOLDEN, OUT = sys.argv[1:]
STEPS = 8


def state(model):
    """What PEFT saves, and the encoder."""
    encoder = model.prompt_encoder["default"]
    tensors = {"prompt_embeddings": model.get_prompt_embedding_to_save("default").contiguous()}
    parts = {f"prompt_encoder.{n}": p.detach().clone() for n, p in encoder.named_parameters()}
    if list(parts) != ["prompt_encoder.embedding.weight"]:
        tensors.update(parts)
    for name, p in model.named_parameters():
        if p.requires_grad and "modules_to_save" in name:
            tensors[name.replace("modules_to_save.default.", "")] = p.detach().clone()
    return tensors


def batch(tensors, suffix):
    return {k: tensors[k + suffix].long() for k in ("input_ids", "attention_mask", "labels")}


def train(config, lr, data, probe):
    base = AutoModelForSequenceClassification.from_pretrained(f"{GOLDEN}/models/bert", dtype=torch.float32)
    torch.manual_seed(18)
    model = get_peft_model(base, config)
    model.train()
    first = state(model)

    def logits():
        model.eval()
        with torch.no_grad():
            y = model(input_ids=probe["input_ids"], attention_mask=probe["attention_mask"]).logits.contiguous()
        model.train()
        return y

    before = logits()
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=0.01)
    losses, norms = [], []
    for step in range(STEPS):
        loss = model(**batch(data, f".{step}")).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.nn.utils.clip_grad_norm_(params, 1.0).item())
        optimizer.step()
    with torch.no_grad():
        final = model(**batch(data, f".{STEPS - 1}")).loss.item()
    numbers = dict(losses=losses, grad_norms=norms, final_loss=final, trainable=sum(p.numel() for p in params))
    return first, state(model), numbers, before, logits()


def new(method, config, lr):
    golden, out = f"{GOLDEN}/traces/bert/lora", f"{OUT}/bert/{method}"
    data, probe = load_file(f"{golden}/batches.safetensors"), load_file(f"{golden}/probe.safetensors")
    first, last, numbers, before, after = train(config, lr, data, batch(probe, ""))
    fields = {k: getattr(v, "value", v) for k, v in config.to_dict().items()}
    for sub, tensors in (("adapter_init", first), ("adapter_final", last)):
        os.makedirs(f"{out}/{sub}", exist_ok=True)
        save_file(tensors, f"{out}/{sub}/adapter_model.safetensors")
        json.dump({**fields, "base_model_name_or_path": None, "inference_mode": True}, open(f"{out}/{sub}/adapter_config.json", "w"), indent=2, sort_keys=True)
    inputs = {k: v.to(torch.int32) for k, v in batch(probe, "").items()}
    save_file({**inputs, "logits_before": before, "logits_after": after}, f"{out}/probe.safetensors")
    save_file(data, f"{out}/batches.safetensors")
    trace = dict(model="bert", method=method, seed=1, lr=lr, weight_decay=0.01, clip=1.0, steps=STEPS, **numbers)
    json.dump(trace, open(f"{out}/trace.json", "w"), indent=1)


new("p-tuning-lstm", PromptEncoderConfig(task_type="SEQ_CLS", num_virtual_tokens=5, encoder_hidden_size=8,
                                         encoder_reparameterization_type="LSTM"), 1e-2)
new("prefix-tuning-projected", PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=5, prefix_projection=True,
                                                  encoder_hidden_size=12), 5e-3)
new("prompt-tuning", PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=5), 1e-2)
