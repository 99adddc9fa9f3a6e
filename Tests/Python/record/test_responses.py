"""Routing in engines' answers, in every shape in which engines send it."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import TOP
from moecast import NO_EXPERT, Shape
from moecast.record import MemorySink, ResponseRecorder, routes

#: Six layers, of which the first is dense.
SHAPE = Shape(layers=5, experts=16, top_k=4, model_layers=(1, 2, 3, 4, 5))
PROMPT, COMPLETION = 8, 4
ROWS = PROMPT + COMPLETION - 1


def chosen(rows: int = ROWS, seed: int = 0, experts: int = 16) -> np.ndarray:
    """Ids [rows, MoE layers, top_k], in each event distinct."""
    random = np.random.default_rng(seed)
    return np.argsort(random.random((rows, 5, experts)), -1)[..., :4]


def all_layers(ids: np.ndarray, dense: int = 0) -> np.ndarray:
    """Ids of six layers: the dense one's rows hold ``dense``."""
    return np.concatenate([np.full_like(ids[:, :1], dense), ids], 1)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def npy(ids: np.ndarray) -> str:
    file = io.BytesIO()
    np.save(file, ids)
    return base64_of(file.getvalue())


def int32(ids: np.ndarray) -> str:
    return base64_of(ids.astype("<i4").tobytes())


USAGE = {"prompt_tokens": PROMPT, "completion_tokens": COMPLETION}


def vllm(routed: object, **more: object) -> dict:
    return {
        "id": "cmpl-1",
        "choices": [{"index": 0, "routed_experts": routed}],
        "usage": USAGE,
        **more,
    }


def engines() -> dict[str, object]:
    """The same routing, as each of them sends it."""
    ids = chosen()
    whole = all_layers(ids)
    described = {
        "data": base64_of(whole.astype("u1").tobytes()),
        "shape": list(whole.shape),
        "dtype": "uint8",
        "start": 0,
    }
    meta = {"id": "b1", **USAGE}
    return {
        "vllm npy uint8": vllm(npy(whole.astype(np.uint8))),
        "vllm npy uint16": vllm(npy(whole.astype(np.uint16))),
        "vllm npy, lengths of lists": {
            "choices": [
                {
                    "routed_experts": npy(whole.astype(np.uint8)),
                    "prompt_token_ids": list(range(PROMPT)),
                    "token_ids": list(range(COMPLETION)),
                }
            ]
        },
        "vllm lists, the prompt's apart": vllm(
            whole[PROMPT:].tolist(), prompt_routed_experts=whole[:PROMPT].tolist()
        ),
        "vllm's RequestOutput": SimpleNamespace(
            request_id="7",
            prompt_token_ids=list(range(PROMPT)),
            outputs=[SimpleNamespace(index=0, token_ids=[1] * COMPLETION, routed_experts=whole)],
        ),
        "sglang generate": {"meta_info": {**meta, "routed_experts": int32(whole)}},
        "sglang generate, a list": [{"meta_info": {**meta, "routed_experts": int32(whole)}}],
        "sglang openai": {"id": "x", "choices": [{}], "usage": USAGE}
        | {"sglext": {"routed_experts": int32(whole)}},
        "sglang openai, a choice": {
            "choices": [{"sgl_ext": {"routed_experts": int32(whole)}}],
            "usage": USAGE,
        },
        "sglang, dense layers -1": {
            "meta_info": {**meta, "routed_experts": int32(all_layers(ids, dense=-1))}
        },
        "sglang, MoE layers alone": {"meta_info": {**meta, "routed_experts": int32(ids)}},
        "dynamo": {
            "choices": [{}],
            "nvext": {
                "engine_data": {
                    "routed_experts": described,
                    "completion_token_ids": [1] * COMPLETION,
                }
            },
            "usage": {"prompt_tokens": PROMPT},
        },
        "prime-rl, without dtype": vllm({k: v for k, v in described.items() if k != "dtype"}),
        "prime-rl, uint16": vllm(
            described | {"data": base64_of(whole.astype("<u2").tobytes()), "dtype": "uint16"}
        ),
    }


@pytest.mark.parametrize("engine", engines())
def test_every_engines_answer_is_the_same_route(engine: str) -> None:
    (route,) = routes(engines()[engine], SHAPE)
    np.testing.assert_array_equal(route.ids, chosen())
    assert (route.prompt, route.first_token) == (PROMPT, 0)


def test_answers_to_one_prompt_are_requests_of_their_own() -> None:
    choices = [
        {"index": n, "routed_experts": npy(all_layers(chosen(ROWS, n)).astype(np.uint8))}
        for n in range(2)
    ]
    usage = {"prompt_tokens": PROMPT, "completion_tokens": 2 * COMPLETION}
    found = routes({"id": "c", "choices": choices, "usage": usage}, SHAPE)
    assert [(route.prompt, route.first_token) for route in found] == [(PROMPT, 0)] * 2
    assert [route.name for route in found] == ["c/0", "c/1"]
    np.testing.assert_array_equal(found[1].ids, chosen(ROWS, 1))


@pytest.mark.parametrize("told", [True, False])
def test_a_prompts_beginning_may_be_left_out(told: bool) -> None:
    """By routed_experts_prompt_start, or by a build that left rows out and does not say so."""
    rest = all_layers(chosen())[3:]
    response = vllm(npy(rest.astype(np.uint8)))
    if told:
        response["choices"][0]["routed_experts_prompt_start"] = 3
    (route,) = routes(response, SHAPE)
    assert (route.first_token, route.prompt) == (3, PROMPT - 3)
    np.testing.assert_array_equal(route.ids, chosen()[3:])


def test_sglang_without_its_beginning_is_split_by_the_models_layers() -> None:
    rest = all_layers(chosen())[5:]
    (route,) = routes({"meta_info": {**USAGE, "routed_experts": int32(rest)}}, SHAPE)
    assert (route.first_token, route.prompt) == (5, PROMPT - 5)


@pytest.mark.parametrize(
    "fill", [-1, 16, "0", "arange"], ids=["-1", "experts", "zeros", "counting up"]
)
def test_what_stands_for_nothing_is_left_out(fill: object) -> None:
    ids = chosen()
    if fill == "arange":
        ids[-2:], ids[2] = np.arange(4), np.arange(4)
    else:
        ids[-2:], ids[2] = int(fill), int(fill)
    (route,) = routes(vllm(all_layers(ids).tolist()), SHAPE)
    assert len(route.ids) == ROWS - 2  # Those at the end are gone, the one between is empty.
    assert (route.ids[2] == NO_EXPERT).all()
    np.testing.assert_array_equal(route.ids[3:], chosen()[3 : ROWS - 2])


def test_empty_slots_go_behind_the_others() -> None:
    ids = chosen()
    ids[4, 1] = [7, -1, 3, -1]
    (route,) = routes(vllm(ids.tolist()), SHAPE)
    assert route.ids[4, 1].tolist() == [7, 3, NO_EXPERT, NO_EXPERT]


def test_expert_255_of_256_is_one_and_of_200_is_none() -> None:
    ids = chosen(experts=255)
    ids[0, 0, 0] = 255
    response = vllm(npy(ids.astype(np.uint8)))
    wide = Shape(layers=5, experts=256, top_k=4, model_layers=SHAPE.model_layers)
    assert routes(response, wide)[0].ids[0, 0, 0] == 255
    ids = chosen()
    ids[0, 0, 0] = 255
    assert routes(vllm(npy(ids.astype(np.uint8))), SHAPE)[0].ids[0, 0, 3] == NO_EXPERT


def test_the_prompts_length_may_be_given() -> None:
    response = {"choices": [{"routed_experts": npy(chosen().astype(np.uint8))}]}
    with pytest.raises(ValueError, match="give prompt_tokens"):
        routes(response, SHAPE)
    assert routes(response, SHAPE, prompt_tokens=3)[0].prompt == 3


def altered(change: object) -> np.ndarray:
    ids = chosen()
    ids[3, 2] = change
    return ids


FAULTS = {
    "nothing": ({"choices": [{"text": "x"}]}, "return_routed_experts"),
    "no response": ("text", "no routed_experts"),
    "no base64": (vllm("%%%"), "no base64"),
    "cut": (vllm(npy(chosen().astype(np.uint8))[:400]), "bytes is not uint8"),
    "a header that claims much": (
        vllm(
            base64_of(base64.b64decode(npy(np.zeros((3, 5, 4), np.uint8))).replace(b"(3,", b"(9,"))
        ),
        "bytes is not uint8",
    ),
    "objects": (vllm(npy(np.array([{}]))), "array of objects"),
    "floats": (vllm(npy(np.ones((3, 5, 4)))), "dtype float64"),
    "another top-k": (vllm(npy(np.ones((3, 5, 2), np.uint8))), r"not \[tokens, layers, 4\]"),
    "other layers": (vllm(npy(np.ones((3, 3, 4), np.uint8))), "3 layers; the shape has 5"),
    "an expert too high": (vllm(altered([1, 2, 17, 3]).tolist()), "token 3, MoE layer 2: 17 is no"),
    "below 0": (vllm(altered([1, 2, -5, 3]).tolist()), "-5 is no expert"),
    "twice": (
        vllm(altered([1, 2, 2, 3]).tolist()),
        "token 3, MoE layer 2: an expert is chosen twice",
    ),
    "text for ids": (vllm([[["a"] * 4] * 5]), "an id is no integer"),
    "truth for ids": (vllm([[[True, 2, 3, 4]] * 5]), "an id is no integer"),
    "too long an event": (vllm([[[1, 2, 3, 4, 5]] * 5]), "no lists"),
    "a huge id": (vllm([[[1, 2, 3, 1 << 70]] * 5]), "no lists"),
    "half an id": (vllm(base64_of(b"123456789")), "not made of 32-bit ids"),
    "ids of no layers": (vllm(base64_of(bytes(4 * 7))), "cannot be split"),
    "a shape of text": (vllm({"data": "", "shape": ["1"]}), r"have the shape \['1'\]"),
    "a dtype of ours": (vllm({"data": "", "shape": [0], "dtype": "object"}), "of dtype object"),
    "a number": (vllm(7), "are a int"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_and_nothing_is_written(fault: str) -> None:
    response, words = FAULTS[fault]
    with pytest.raises(ValueError, match=words):
        routes(response, SHAPE)
    sink = MemorySink(SHAPE)
    with ResponseRecorder(sink, SHAPE) as recorder:
        assert recorder.add(response) == 0
        assert recorder.add(engines()["dynamo"]) == ROWS
    assert (recorder.errors, recorder.requests, list(sink.requests)) == (1, 1, [0])


def test_a_recorder_writes_prompt_and_answer() -> None:
    sink = MemorySink(SHAPE)
    with ResponseRecorder(sink, SHAPE) as recorder:
        recorder.add(engines()["vllm npy uint8"], task="math")
        recorder.add(vllm(npy(all_layers(chosen())[3:].astype(np.uint8))))
    ids, stages, positions = sink.requests[0]
    np.testing.assert_array_equal(ids, chosen())
    assert stages.tolist() == [0] * PROMPT + [1] * (COMPLETION - 1)
    assert sink.requests[1][2].tolist() == list(range(3, ROWS))
    assert sink.ended == [0, 1]
    assert sink.labels == {0: ("cmpl-1", "math"), 1: ("cmpl-1", None)}
    assert (recorder.requests, recorder.tokens, recorder.errors) == (2, 2 * ROWS - 3, 0)


SHARED = Path(os.environ.get("MOECAST_SHARED", TOP.parent / "shared")) / "formats"


@pytest.mark.skipif(not SHARED.is_dir(), reason="samples of the engines' own code are absent")
@pytest.mark.parametrize(
    "sample",
    [
        "vllm/completion_v0.21.json",
        "vllm/completion_v0.24-0.33_E<=256.json",
        "vllm/completion_v0.24-0.33_E>256.json",
        "sglang/generate_response.json",
        "sglang/openai_response.json",
    ],
)
def test_samples_made_by_the_engines_own_code(sample: str) -> None:
    file = SHARED / sample
    (route,) = routes(json.loads(file.read_text()), SHAPE)
    expected = np.load(file.parent / "routed_experts.expected.npy")[:, 1:]
    np.testing.assert_array_equal(route.ids, expected)
    assert (route.prompt, route.first_token) == (PROMPT, 0)
