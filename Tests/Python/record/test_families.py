"""Nine families of models: what is recorded is what their experts were given."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is absent: hooks on models are not tested")
pytest.importorskip("transformers", reason="transformers is absent: hooks on models are not tested")

import torch  # noqa: E402
from moecast.record import MemorySink, Recorder  # noqa: E402
from moecast.record.routers import find_routers, shape_of  # noqa: E402
from tiny_models import FAMILIES, PAD, TEXT, tiny, witnessed  # noqa: E402

PROMPTS = 3
WIDTH = 11
#: Tokens of padding in each row.
PADDED = [4, 0, 7]


def prompts(side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [rows, width], padded at ``side``."""
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(2, TEXT, (PROMPTS, WIDTH), generator=generator)
    mask = torch.ones_like(ids)
    for row, padded in enumerate(PADDED):
        place = slice(0, padded) if side == "left" else slice(WIDTH - padded, WIDTH)
        ids[row, place], mask[row, place] = PAD, 0
    return ids, mask


def sink_for(model: object) -> MemorySink:
    return MemorySink(shape_of(find_routers(model), model, None))


def expect(sink: MemorySink, request: int, token: int, witness, *, call: int, place: int) -> None:
    """The token's choices are what the experts got at ``place`` of a call, in every layer."""
    for layer, number in enumerate(sink.shape.model_layers):
        recorded = sink.requests[request][0][token, layer].tolist()
        assert len(set(recorded)) == len(recorded)
        assert set(recorded) == witness.choice(number, call, place), (request, token, number)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shape_is_the_models(family: str) -> None:
    model = tiny(family)
    _, layers, experts, top_k = FAMILIES[family]
    shape = sink_for(model).shape
    assert (shape.model_layers, shape.experts, shape.top_k) == (layers, experts, top_k)
    assert shape.name == family


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_padded_batch_is_recorded_without_its_padding(family: str, side: str) -> None:
    model = tiny(family)
    sink = sink_for(model)
    ids, mask = prompts(side)
    with witnessed(model) as witness, torch.no_grad():
        with Recorder(model, sink) as recorder:
            model(ids, attention_mask=mask, use_cache=False)
            model(ids, attention_mask=mask, use_cache=False)
    assert recorder.errors == 0, recorder.last_error
    assert sorted(sink.requests) == list(range(2 * PROMPTS))
    assert sorted(sink.ended) == list(range(2 * PROMPTS))
    for request, (choices, stages, positions) in sink.requests.items():
        call, row = divmod(request, PROMPTS)
        assert len(choices) == WIDTH - PADDED[row]
        assert positions.tolist() == list(range(len(choices)))
        assert not stages.any()
        real = np.flatnonzero(mask[row].numpy())
        for token, column in enumerate(real):
            expect(sink, request, token, witness, call=call, place=row * WIDTH + column)


@pytest.mark.parametrize("family", FAMILIES)
def test_generate_is_recorded_with_prefill_and_decode(family: str) -> None:
    model = tiny(family)
    sink = sink_for(model)
    ids, mask = prompts("left")
    model.generation_config.eos_token_id = None
    new = 6
    with witnessed(model) as witness, torch.no_grad():
        with Recorder(model, sink) as recorder:
            model.generate(
                ids, attention_mask=mask, max_new_tokens=new, do_sample=False, pad_token_id=PAD
            )
    assert recorder.errors == 0, recorder.last_error
    # The last token of an answer is sampled, and read by nobody.
    assert recorder.tokens == sum(WIDTH - padded + new - 1 for padded in PADDED)
    for row in range(PROMPTS):
        choices, stages, positions = sink.requests[row]
        prompt = WIDTH - PADDED[row]
        assert stages.tolist() == [0] * prompt + [1] * (new - 1)
        assert positions.tolist() == list(range(prompt + new - 1))
        for token in range(prompt):
            expect(sink, row, token, witness, call=0, place=row * WIDTH + PADDED[row] + token)
        for step in range(new - 1):
            expect(sink, row, prompt + step, witness, call=1 + step, place=row)
    assert sorted(sink.ended) == [0, 1, 2]


def test_deepseek_v3_does_not_choose_the_top_of_its_logits() -> None:
    """Why logits are not recorded: groups and a bias stand between them and the choice."""
    model = tiny("deepseek_v3")
    sink = sink_for(model)
    logits: list[torch.Tensor] = []
    handles = [
        router.module.register_forward_hook(lambda module, args, out: logits.append(out[0]))
        for router in find_routers(model)
    ]
    ids = torch.arange(2, 42)[None]
    with torch.no_grad(), Recorder(model, sink):
        model(ids, use_cache=False)
    for handle in handles:
        handle.remove()
    top = torch.stack(logits, 1).topk(4, dim=-1).indices.sort(-1).values.numpy()
    same = (np.sort(sink.requests[0][0], -1) == top).all(-1).mean()
    assert same < 0.5


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "llama4_text"])
def test_the_greatest_weight_stands_first(family: str) -> None:
    model = tiny(family)
    sink = sink_for(model)
    ids, mask = prompts("left")
    with witnessed(model) as witness, torch.no_grad():
        with Recorder(model, sink, weights=True) as recorder:
            model(ids, attention_mask=mask, use_cache=False)
    assert recorder.errors == 0, recorder.last_error
    for request in range(PROMPTS):
        weights = sink.weights[request].astype(np.float32)
        assert (np.diff(weights, axis=-1) <= 0).all()
        for token in range(len(weights)):
            for layer, number in enumerate(sink.shape.model_layers):
                place = request * WIDTH + PADDED[request] + token
                given = witness.weights[number][0][place]
                ids_here = sink.requests[request][0][token, layer]
                for expert, weight in zip(ids_here, weights[token, layer]):
                    # As halves have them: 11 bits, and 2^-25 at the least.
                    assert weight == pytest.approx(given[int(expert)], rel=1e-3, abs=3e-8)


def test_llama4_has_the_weights_that_it_multiplies_with() -> None:
    """The sigmoid of the chosen expert's logit."""
    model = tiny("llama4_text")
    sink = sink_for(model)
    logits: list[torch.Tensor] = []
    handles = [
        router.module.register_forward_hook(lambda module, args, out: logits.append(out[1]))
        for router in find_routers(model)
    ]
    with torch.no_grad(), Recorder(model, sink, weights=True) as recorder:
        model(torch.arange(2, 42)[None], use_cache=False)
    for handle in handles:
        handle.remove()
    assert recorder.errors == 0, recorder.last_error
    expected = torch.stack(logits, 1).amax(-1).sigmoid().numpy()
    np.testing.assert_allclose(sink.weights[0][..., 0], expected, rtol=1e-3)
