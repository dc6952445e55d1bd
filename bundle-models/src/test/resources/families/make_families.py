"""Makes the fixtures of FamiliesTest: tiny random models of each family, with what transformers computes on them.

    python make_families.py FOLDER

needs torch, transformers (made with 5.18) and safetensors. For each model a folder with config.json, model.safetensors (float16, so
that rounding is no part of it: transformers computes in float32 on the rounded weights) and expected.safetensors:
ids and lengths of some sequences, each computed by itself; their logits; gradients of a few weights under the sum of cross-entropies.
"""
import json
import sys
from pathlib import Path

import torch
import transformers as t
from safetensors.torch import save_file

VOCABULARY = 64
LENGTHS = [3, 19, 37]  # ascending: transformers does not shrink the base of dynamic scaling again
SIZES = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, pad_token_id=None, bos_token_id=None, eos_token_id=None)
GATED = dict(SIZES, num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-6)
BERT = dict(SIZES, hidden_act="gelu", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def randomise(model):
    generator = torch.Generator().manual_seed(1)
    for name, p in model.named_parameters():
        norm = p.dim() == 1 and "weight" in name
        spread = 0.3 if p.dim() == 1 else 0.25
        around = 1.0 if norm and "gemma" not in model.config.model_type else 0.0
        p.data = (around + spread * torch.randn(p.shape, generator=generator)).half().float()


def sequences():
    generator = torch.Generator().manual_seed(2)
    return [torch.randint(4, VOCABULARY, (n,), generator=generator) for n in LENGTHS]


def write(folder, tensors):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder)


def save(out, config, state, expected):
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config.to_dict(), indent=1, default=str) + "\n")
    write(out / "model.safetensors", {name: tensor.half() for name, tensor in state.items()})
    write(out / "expected.safetensors", expected)


def state_of(model):
    """Without the second names of tied weights."""
    seen = {}
    for name, tensor in model.state_dict().items():
        if all(other.data_ptr() != tensor.data_ptr() for other in seen.values()):
            seen[name] = tensor
    return seen


def causal(out, model, config, graded):
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    m = model(config).eval()
    randomise(m)
    logits, loss = [], 0
    for ids in sequences():
        of = m(input_ids=ids[None]).logits[0]
        logits.append(of.detach())
        loss = loss + torch.nn.functional.cross_entropy(of[:-1], ids[1:], reduction="sum")
    loss.backward()
    expected = {"ids": torch.cat(sequences()).int(), "lengths": torch.tensor(LENGTHS).int(), "logits": torch.cat(logits),
                "loss": loss.detach()[None]}
    for name in graded:
        expected["gradient." + name] = m.get_parameter(name).grad
    save(out, config, state_of(m), expected)
    print(out.name, sum(p.numel() for p in m.parameters()), "parameters, loss", loss.item())


def masked(out, model, classifier, config, prefix, word):
    config._attn_implementation = "eager"
    torch.manual_seed(0)
    m = model(config).eval()
    randomise(m)
    c = classifier(config).eval()
    randomise(c)
    getattr(c, prefix).load_state_dict(getattr(m, prefix).state_dict(), strict=False)
    logits, classes, loss = [], [], 0
    for ids in sequences():
        of = m(input_ids=ids[None]).logits[0]
        logits.append(of.detach())
        loss = loss + torch.nn.functional.cross_entropy(of[::5], ids[::5], reduction="sum")
        classes.append(c(input_ids=ids[None]).logits[0].detach())
    loss.backward()
    expected = {"ids": torch.cat(sequences()).int(), "lengths": torch.tensor(LENGTHS).int(), "logits": torch.cat(logits),
                "loss": loss.detach()[None], "classes": torch.stack(classes), "gradient." + word: m.get_parameter(word).grad}
    state = dict(c.state_dict())
    state.update(state_of(m))
    save(out, config, state, expected)
    print(out.name, "loss", loss.item())


def main(root):
    layer = "model.layers.1."
    own = [layer + "self_attn.q_proj.weight", layer + "self_attn.k_proj.weight", layer + "mlp.down_proj.weight",
           "model.embed_tokens.weight", "model.norm.weight", layer + "input_layernorm.weight"]
    heads = own + [layer + "self_attn.k_norm.weight"]
    around = own + [layer + "post_feedforward_layernorm.weight"]
    causal(root / "mistral", t.MistralForCausalLM, t.MistralConfig(**GATED, sliding_window=5), own)
    causal(root / "qwen2", t.Qwen2ForCausalLM,
           t.Qwen2Config(**{k: v for k, v in GATED.items() if k != "head_dim"}, use_sliding_window=True, sliding_window=5,
                         max_window_layers=1), own)
    causal(root / "qwen3", t.Qwen3ForCausalLM, t.Qwen3Config(**dict(GATED, head_dim=12)), heads)
    causal(root / "gemma2", t.Gemma2ForCausalLM,
           t.Gemma2Config(**dict(GATED, head_dim=12), query_pre_attn_scalar=20, sliding_window=5, attn_logit_softcapping=2.0,
                          final_logit_softcapping=5.0), around)
    causal(root / "gemma3", t.Gemma3ForCausalLM,
           t.Gemma3TextConfig(**dict(GATED, num_hidden_layers=6), query_pre_attn_scalar=20, sliding_window=5,
                              rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                                               "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}),
           around + [layer + "self_attn.k_norm.weight"])
    rope = {
        "linear": dict(factor=4.0), "yarn": dict(factor=4.0, original_max_position_embeddings=16),
        "dynamic": dict(factor=4.0),
        "llama3": dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16),
    }
    for kind, parameters in rope.items():
        parameters = dict(parameters, rope_type=kind, rope_theta=100.0)
        positions = 16 if kind == "dynamic" else 64
        causal(root / f"llama-{kind}", t.LlamaForCausalLM,
               t.LlamaConfig(**dict(GATED, max_position_embeddings=positions, num_hidden_layers=1), rope_parameters=parameters),
               ["model.embed_tokens.weight"])
    masked(root / "bert", t.BertForMaskedLM, t.BertForSequenceClassification, t.BertConfig(**dict(BERT, pad_token_id=0)), "bert",
           "bert.embeddings.word_embeddings.weight")
    masked(root / "roberta", t.RobertaForMaskedLM, t.RobertaForSequenceClassification,
           t.RobertaConfig(**dict(BERT, pad_token_id=1), type_vocab_size=1), "roberta",
           "roberta.embeddings.word_embeddings.weight")
    masked(root / "distilbert", t.DistilBertForMaskedLM, t.DistilBertForSequenceClassification,
           t.DistilBertConfig(vocab_size=VOCABULARY, dim=32, hidden_dim=40, n_layers=2, n_heads=4, max_position_embeddings=64,
                              dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0), "distilbert",
           "distilbert.embeddings.word_embeddings.weight")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
