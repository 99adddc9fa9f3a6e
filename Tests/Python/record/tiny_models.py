"""Tiny models of every family, at random weights, and what their experts were really given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

TEXT = 512
PAD, END = 0, 1

_COMMON = {
    "vocab_size": TEXT,
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": PAD,
    "eos_token_id": END,
    "bos_token_id": None,
}
_LATENT = {
    "num_key_value_heads": 4,
    "q_lora_rank": 32,
    "kv_lora_rank": 32,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "intermediate_size": 64,
    "moe_intermediate_size": 32,
    "n_routed_experts": 16,
    "num_experts_per_tok": 4,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
}
_SIXTEEN = {"intermediate_size": 64, "moe_intermediate_size": 32, "num_experts_per_tok": 4}

#: family -> (its settings, its MoE layers, experts, top-k)
FAMILIES: dict[str, tuple[dict[str, Any], tuple[int, ...], int, int]] = {
    "mixtral": (
        {"intermediate_size": 64, "num_local_experts": 8, "num_experts_per_tok": 2},
        (0, 1, 2, 3),
        8,
        2,
    ),
    "qwen2_moe": (
        {**_SIXTEEN, "num_experts": 16, "shared_expert_intermediate_size": 32},
        (0, 1, 2, 3),
        16,
        4,
    ),
    "qwen3_moe": ({**_SIXTEEN, "num_experts": 16, "head_dim": 16}, (0, 1, 2, 3), 16, 4),
    "olmoe": (
        {"intermediate_size": 32, "num_experts": 16, "num_experts_per_tok": 4},
        (0, 1, 2, 3),
        16,
        4,
    ),
    "deepseek_v2": ({**_LATENT, "topk_method": "greedy"}, (1, 2, 3), 16, 4),
    "deepseek_v3": ({**_LATENT, "n_group": 4, "topk_group": 2}, (1, 2, 3), 16, 4),
    "glm4_moe": (
        {
            **_SIXTEEN,
            "n_routed_experts": 16,
            "n_shared_experts": 1,
            "first_k_dense_replace": 1,
            "n_group": 1,
            "topk_group": 1,
            "head_dim": 16,
        },
        (1, 2, 3),
        16,
        4,
    ),
    "llama4_text": (
        {
            "intermediate_size": 32,
            "intermediate_size_mlp": 64,
            "num_local_experts": 8,
            "num_experts_per_tok": 1,
            "interleave_moe_layer_step": 2,
            "head_dim": 16,
        },
        (1, 3),
        8,
        1,
    ),
    "gpt_oss": (
        {
            "intermediate_size": 64,
            "num_local_experts": 16,
            "num_experts_per_tok": 4,
            "head_dim": 16,
        },
        (0, 1, 2, 3),
        16,
        4,
    ),
}


def tiny(family: str, seed: int = 0) -> Any:
    """A model of the family, its routers spread out so that their choices differ."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    settings = FAMILIES[family][0]
    config = AutoConfig.for_model(family, **{**_COMMON, **settings})
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("gate.weight", "router.weight")):
                weight.normal_(std=0.5)
            elif name.endswith("router.bias"):
                weight.normal_(std=0.1)
        for name, bias in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                bias.normal_(std=0.1)
    return model


class Witness:
    """What the experts of each layer were given in each call, seen without the routers' hooks."""

    def __init__(self) -> None:
        #: layer -> a set of experts each token, call after call: [call][token] -> set
        self.calls: dict[int, list[list[set[int]]]] = {}
        #: Weights beside them, where the experts are given any: [call][token] -> {expert: weight}
        self.weights: dict[int, list[list[dict[int, float]]]] = {}

    def choice(self, layer: int, call: int, token: int) -> set[int]:
        return self.calls[layer][call][token]


@contextmanager
def witnessed(model: Any) -> Iterator[Witness]:
    """Replaces ``forward`` of the modules that hold the experts by one that tells first."""
    witness, restore = Witness(), []
    for name, module in model.named_modules():
        if not name.endswith("mlp.experts") and not name.endswith("feed_forward.experts"):
            continue
        layer = int(name.split("layers.")[1].split(".")[0])
        forward = module.forward
        restore.append((module, forward))
        module.forward = _telling(witness, layer, forward, module)
    assert restore, "no experts found in the model"
    try:
        yield witness
    finally:
        for module, forward in restore:
            module.forward = forward


def _telling(witness: Witness, layer: int, forward: Any, module: Any) -> Any:
    calls = witness.calls.setdefault(layer, [])
    weights = witness.weights.setdefault(layer, [])

    def told(hidden: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        beside = list(args) + list(kwargs.values())
        ids = next((t for t in beside if torch.is_tensor(t) and not t.is_floating_point()), None)
        if ids is not None:
            calls.append([set(row) for row in ids.tolist()])
            gates = next(t for t in beside if torch.is_tensor(t) and t.is_floating_point())
            gates = gates.float().tolist()
            weights.append([dict(zip(row, gate)) for row, gate in zip(ids.tolist(), gates)])
        else:
            # Llama-4: every expert is given all tokens, those that it does not serve times zero.
            served = hidden.detach().reshape(module.num_experts, -1, hidden.shape[-1])
            served = (served.abs().sum(-1) > 0).T.numpy()
            calls.append([set(np.flatnonzero(row).tolist()) for row in served])
        return forward(hidden, *args, **kwargs)

    return told
