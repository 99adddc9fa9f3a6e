"""Calls of a model in all the ways in which it is called, and everything that may go wrong."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is absent: hooks on models are not tested")
pytest.importorskip("transformers", reason="transformers is absent: hooks on models are not tested")

import torch  # noqa: E402
from moecast.record import MemorySink, Recorder  # noqa: E402
from moecast.record.routers import Router, find_routers, shape_of  # noqa: E402
from tiny_models import END, PAD, TEXT, tiny, witnessed  # noqa: E402


@pytest.fixture(scope="module")
def model():
    return tiny("mixtral")


@pytest.fixture
def sink(model) -> MemorySink:
    return MemorySink(shape_of(find_routers(model), model, None))


def prompt(rows: int = 1, width: int = 7, seed: int = 1) -> torch.Tensor:
    return torch.randint(2, TEXT, (rows, width), generator=torch.Generator().manual_seed(seed))


def lengths(sink: MemorySink) -> list[int]:
    return [len(sink.requests[request][0]) for request in sorted(sink.requests)]


def generate(model, ids: torch.Tensor, new: int, **more) -> torch.Tensor:
    with torch.no_grad():
        return model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new,
            min_new_tokens=new,
            do_sample=False,
            pad_token_id=PAD,
            **more,
        )


def test_several_calls_are_several_requests(model, sink) -> None:
    with Recorder(model, sink) as recorder:
        generate(model, prompt(2), 4)
        generate(model, prompt(1, 5), 3)
    assert (recorder.errors, recorder.requests) == (0, 3)
    assert lengths(sink) == [10, 10, 7]


def test_a_finished_row_is_not_followed_into_its_filling(model, sink) -> None:
    """The end-of-text token and what fills the row behind it are nobody's answer."""
    ids = prompt(2)
    with torch.no_grad(), Recorder(model, sink) as recorder:
        out = model(ids)
        for token in ([[5], [6]], [[END], [7]], [[PAD], [8]], [[PAD], [9]]):
            out = model(torch.tensor(token), past_key_values=out.past_key_values)
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [8, 11]


def test_caches_may_take_turns(model, sink) -> None:
    with torch.no_grad(), Recorder(model, sink) as recorder:
        one, two = model(prompt(1, 5)), model(prompt(1, 6))
        for token in (3, 4):
            one = model(torch.tensor([[token]]), past_key_values=one.past_key_values)
            two = model(torch.tensor([[token]]), past_key_values=two.past_key_values)
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [7, 8]


def test_requests_end_when_their_cache_goes(model, sink) -> None:
    with torch.no_grad(), Recorder(model, sink) as recorder:
        out = model(prompt())
        del out
        model(prompt())
        recorder.flush()
        assert sink.ended == [0]


@pytest.mark.parametrize("padded", [0, 3])
def test_a_static_cache_shows_its_padding_too(model, sink, padded: int) -> None:
    ids = prompt(2, 9)
    mask = torch.ones_like(ids)
    mask[0, :padded] = 0
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model.generate(
            ids,
            attention_mask=mask,
            max_new_tokens=4,
            min_new_tokens=4,
            do_sample=False,
            pad_token_id=PAD,
            cache_implementation="static",
            disable_compile=True,
        )
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [12 - padded, 12]
    assert sink.requests[0][2].tolist() == list(range(12 - padded))


def test_guesses_of_an_assistant_are_recorded_where_they_are_kept(model, sink) -> None:
    """Assisted decoding gives the same answer as plain decoding, and the same recording."""
    other = MemorySink(sink.shape)
    with Recorder(model, other):
        plain = generate(model, prompt(), 12)
    with Recorder(model, sink) as recorder:
        assisted = generate(model, prompt(), 12, assistant_model=tiny("mixtral", seed=3))
    assert recorder.errors == 0, recorder.last_error
    assert torch.equal(plain, assisted)
    (recorded, _, positions), expected = sink.requests[0], other.requests[0][0]
    shared = min(len(recorded), len(expected))
    assert shared >= 7 + 11 and positions.tolist() == list(range(len(recorded)))
    np.testing.assert_array_equal(recorded[:shared], expected[:shared])


def test_answers_do_not_depend_on_being_recorded(model, sink) -> None:
    before = generate(model, prompt(2), 8)
    with Recorder(model, sink):
        during = generate(model, prompt(2), 8)
    assert torch.equal(before, during)


def test_training_with_checkpoints_counts_a_token_once(sink) -> None:
    model = tiny("mixtral").train()
    model.gradient_checkpointing_enable()
    with Recorder(model, sink) as recorder:
        model(prompt(2), labels=prompt(2), use_cache=False).loss.backward()
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [7, 7]


def test_a_compiled_model_is_recorded(sink) -> None:
    model = tiny("mixtral")
    with witnessed(model) as witness, Recorder(model, sink) as recorder, torch.no_grad():
        torch.compile(model, backend="eager")(prompt(), use_cache=False)
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [7]
    for token in range(7):
        assert set(sink.requests[0][0][token, 2].tolist()) == witness.choice(2, 0, token)


def test_nothing_is_left_on_the_model(model, sink) -> None:
    with Recorder(model, sink):
        pass
    generate(model, prompt(), 2)
    assert sink.requests == {}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


class FailingSink(MemorySink):
    """A sink on a full disk."""

    def append(self, *args, **kwargs) -> None:
        raise OSError("no space left on device")


def test_a_failing_sink_is_said_and_counted(model, sink, caplog) -> None:
    expected = generate(model, prompt(), 5)
    with caplog.at_level(logging.WARNING, "moecast.record"):
        with Recorder(model, FailingSink(sink.shape)) as recorder:
            assert torch.equal(generate(model, prompt(), 5), expected)
    assert recorder.errors == 2  # The prompt's run, and the answer's.
    assert "no space left on device" in recorder.last_error
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said  # The first of its kind, and the sum at the end.
    assert "2 errors" in said[1]


def test_a_call_that_fails_is_not_recorded(model, sink) -> None:
    with Recorder(model, sink) as recorder:
        with pytest.raises(IndexError):
            model(torch.tensor([[TEXT + 5]]))
        generate(model, prompt(), 2)
    assert lengths(sink) == [8] and recorder.errors == 0


def test_a_step_without_all_routers_is_said(sink) -> None:
    model = tiny("mixtral")
    block = model.model.layers[1].mlp
    block.forward = lambda hidden: hidden  # As a fused kernel would stand there.
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(), use_cache=False)
    assert recorder.errors == 1 and "1 of 4 routers were not called" in recorder.last_error
    assert sink.requests == {}


def test_rows_of_several_requests_are_said(model, sink) -> None:
    """As trainers pack them: their positions begin anew within the row."""
    places = torch.tensor([[0, 1, 2, 0, 1, 2, 3]])
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(), position_ids=places, use_cache=False)
        model(prompt(), position_ids=torch.arange(7)[None], use_cache=False)
    assert recorder.errors == 1 and "several requests" in recorder.last_error
    assert lengths(sink) == [7]


def test_a_call_without_a_cache_ends_its_requests_at_once(model, sink) -> None:
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(2), use_cache=False)
        recorder.flush()
        assert sink.ended == [0, 1]


ODD_BLOCKS = {
    "called twice": lambda forward: lambda hidden: forward(forward(hidden)),
    "chose for 3 tokens": lambda forward: (
        lambda hidden: torch.cat([forward(hidden[:, :3]), hidden[:, 3:]], 1)
    ),
}


@pytest.mark.parametrize("words", ODD_BLOCKS)
def test_a_router_that_is_not_called_as_thought_is_said(sink, words: str) -> None:
    model = tiny("mixtral")
    block = model.model.layers[1].mlp
    block.forward = ODD_BLOCKS[words](block.forward)
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(), use_cache=False)
    assert recorder.errors == 1 and words in recorder.last_error
    assert sink.requests == {}


def test_ids_that_are_no_experts_are_said(sink) -> None:
    model = tiny("mixtral")
    block = model.model.layers[1].mlp
    chosen = block.gate.forward
    block.gate.forward = lambda hidden: (*chosen(hidden)[:2], chosen(hidden)[2] + 8)
    block.experts.forward = lambda hidden, *_: hidden
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(), use_cache=False)
    assert recorder.errors == 1 and "of 8" in recorder.last_error
    assert sink.requests == {}


def test_others_hooks_do_not_change_what_a_router_chose(sink) -> None:
    """As those do that number the experts of one process anew."""
    model, expected = tiny("mixtral"), MemorySink(sink.shape)
    with torch.no_grad(), Recorder(model, expected):
        model(prompt(), use_cache=False)
    router = model.model.layers[3].mlp.gate
    router.register_forward_hook(lambda module, args, out: (*out[:2], torch.zeros_like(out[2])))
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model(prompt(), use_cache=False)
    assert recorder.errors == 0, recorder.last_error
    np.testing.assert_array_equal(sink.requests[0][0], expected.requests[0][0])


def test_llama4s_choice_is_that_of_its_logits() -> None:
    """Its scores are sigmoids, which far below zero are all the same."""

    class Llama4Router(torch.nn.Module):
        pass

    logits = torch.tensor([[-300.0, -400.0, -200.0, -500.0]])
    router = Router(Llama4Router(), "layers.1.router", layer=1, experts=4, top_k=1)
    ids, weights = router.choice((logits.sigmoid(), logits))
    assert ids.tolist() == [[2]] and weights.tolist() == [[0.0]]
    ids, weights = router.choice((torch.tensor([[0.1, 0.7, 0.2, 0.3]]), -logits))
    assert ids.tolist() == [[3]] and weights.tolist() == [[pytest.approx(0.3)]]


def test_a_part_of_the_model_that_is_called_alone_is_said(model, sink) -> None:
    """Of its calls nothing tells rows, padding and caches."""
    with torch.no_grad(), Recorder(model, sink) as recorder:
        model.model(prompt())
        model.model(prompt())
    assert recorder.errors > 0 and "outside a call" in recorder.last_error
    assert sink.requests == {}


def test_a_compiled_model_is_recorded_through_its_wrapper(sink) -> None:
    compiled = torch.compile(tiny("mixtral"), backend="eager")
    with Recorder(compiled, sink) as recorder:
        generate(compiled, prompt(), 3)
    assert recorder.errors == 0, recorder.last_error
    assert lengths(sink) == [9]


class StuckSink(MemorySink):
    """A sink that waits until it is let go."""

    def __init__(self, shape) -> None:
        super().__init__(shape)
        self.go = threading.Event()

    def append(self, *args, **kwargs) -> None:
        self.go.wait()
        super().append(*args, **kwargs)


def test_a_slow_disk_costs_tokens_and_not_time(model, sink) -> None:
    stuck = StuckSink(sink.shape)
    stuck.go.set()
    bytes_a_token = 4 * 2 * 2
    with Recorder(model, stuck, max_backlog=7 * bytes_a_token + 1) as recorder:
        generate(model, prompt(), 2)
        recorder.flush()
        stuck.go.clear()  # The thread that writes stops at the end of this request.
        generate(model, prompt(), 40)  # Would not end if it waited.
        errors = recorder.errors
        stuck.go.set()
    # The second prompt waits, and nothing more has room.
    assert errors == 39
    assert "written too slowly" in recorder.last_error
    assert lengths(stuck) == [8, 7]


def test_tasks_go_with_the_requests_that_begin(model, sink) -> None:
    with Recorder(model, sink) as recorder:
        generate(model, prompt(), 2)
        recorder.task = "math"
        generate(model, prompt(), 2)
    assert sink.labels == {1: (None, "math")}


def test_older_models_with_plain_gates(sink) -> None:
    """A block as transformers 4 had it: a Linear for a gate, and the top-k of its softmax."""

    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.top_k, self.num_experts, self.chosen = 2, 8, []
            self.gate = torch.nn.Linear(16, 8, bias=False)
            self.experts = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(8))

        def forward(self, hidden: torch.Tensor) -> torch.Tensor:
            flat = hidden.reshape(-1, 16)
            weights, ids = self.gate(flat).softmax(-1).topk(2)
            self.chosen.append(ids)
            out = torch.stack([expert(flat) for expert in self.experts], 1)
            picked = out.gather(1, ids[..., None].expand(-1, -1, 16))
            return (picked * weights[..., None]).sum(1).reshape(hidden.shape)

    class Old(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Embedding(TEXT, 16)
            self.layers = torch.nn.ModuleList(Block() for _ in range(2))

        def forward(self, input_ids: torch.Tensor, attention_mask=None) -> torch.Tensor:
            hidden = self.embed(input_ids)
            for layer in self.layers:
                hidden = hidden + layer(hidden)
            return hidden

    torch.manual_seed(0)
    old = Old()
    other = MemorySink(shape_of(find_routers(old), old, "old"))
    with torch.no_grad(), Recorder(old, other) as recorder:
        old(prompt())
    assert recorder.errors == 0, recorder.last_error
    expected = torch.stack([layer.chosen[0] for layer in old.layers], 1).numpy()
    np.testing.assert_array_equal(other.requests[0][0], expected)
    with pytest.raises(ValueError, match="record without weights"):
        Recorder(old, other, weights=True)


def test_a_model_without_experts_is_refused(sink) -> None:
    dense = torch.nn.Sequential(torch.nn.Linear(4, 4))
    with pytest.raises(ValueError, match="no module that looks like a router"):
        Recorder(dense, sink)


def test_routers_of_one_layer_are_told_apart_by_the_user(sink) -> None:
    two = torch.nn.Module()
    two.encoder, two.decoder = tiny("mixtral").model, tiny("mixtral").model
    two.forward = lambda input_ids: None
    with pytest.raises(ValueError, match="are both of layer 0.*routers="):
        Recorder(two, sink)
    recorder = Recorder(two, sink, routers=lambda name, module: name.startswith("decoder."))
    assert recorder.shape.layers == 4
    recorder.close()
