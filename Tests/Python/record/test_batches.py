"""Rows of calls become runs of requests: without a model."""

from __future__ import annotations

import numpy as np
from moecast import Shape
from moecast.record import MemorySink
from moecast.record.batches import Batches, Step

SHAPE = Shape(layers=2, experts=8, top_k=1)


def step(past: int, rows: list[list[int]], batch: int = 1, **more) -> Step:
    """A call whose rows chose these experts in layer 0, and one more in layer 1; -1 is padding."""
    chosen = np.array(rows)
    real = chosen >= 0
    first = np.where(real, chosen, 7)[..., None]
    ids = np.stack([first, (first + 1) % 8]).astype(np.uint16)
    return Step(batch=batch, past=past, real=real, ids=ids, **more)


def raising(error: Exception) -> None:
    raise error


def played(*steps: Step, most: int = 256) -> MemorySink:
    sink = MemorySink(SHAPE)
    batches = Batches(sink, raising, most)
    for one in steps:
        batches.take(one)
    batches.close()
    return sink


def text(sink: MemorySink, request: int) -> tuple[list[int], list[int], list[int]]:
    """Experts of layer 0, stages and positions of a request."""
    ids, stages, positions = sink.requests[request]
    assert ((ids[:, 0, 0] + 1) % 8 == ids[:, 1, 0]).all()
    return ids[:, 0, 0].tolist(), stages.tolist(), positions.tolist()


def test_rows_are_requests_and_padding_is_none() -> None:
    sink = played(step(0, [[-1, 1, 2], [3, 4, 5]]), step(3, [[6], [0]]))
    assert text(sink, 0) == ([1, 2, 6], [0, 0, 1], [0, 1, 2])
    assert text(sink, 1) == ([3, 4, 5, 0], [0, 0, 0, 1], [0, 1, 2, 3])
    assert sink.ended == [0, 1]


def test_an_empty_cache_begins_requests_anew() -> None:
    sink = played(step(0, [[1, 2]]), step(0, [[3, 4]]))
    assert text(sink, 0)[0] == [1, 2] and text(sink, 1)[0] == [3, 4]
    assert sink.ended == [0, 1]


def test_batches_may_take_turns() -> None:
    sink = played(
        step(0, [[1]], batch=1), step(0, [[2]], batch=2), step(1, [[3]], 1), step(1, [[4]], 2)
    )
    assert text(sink, 0)[0] == [1, 3] and text(sink, 1)[0] == [2, 4]


def test_a_prompt_in_pieces_is_prefill() -> None:
    sink = played(step(0, [[1, 2]]), step(2, [[3, 4]]), step(4, [[5]]), step(5, [[6, 7]]))
    assert text(sink, 0) == ([1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 1, 1, 1], list(range(7)))


def test_what_is_taken_back_is_not_recorded() -> None:
    # Three guesses were made, and one was kept: the next call begins at 3.
    sink = played(step(0, [[1, 2]]), step(2, [[3, 4, 5]]), step(3, [[6, 7]]))
    assert text(sink, 0) == ([1, 2, 3, 6, 7], [0, 0, 1, 1, 1], list(range(5)))


def test_several_steps_may_be_taken_back() -> None:
    sink = played(step(0, [[1, 2, 3]]), step(3, [[4]]), step(4, [[5]]), step(1, [[6]]))
    assert text(sink, 0) == ([1, 6], [0, 1], [0, 1])
    assert sink.ended == [0]


def test_taking_back_what_is_written_begins_a_request() -> None:
    sink = MemorySink(SHAPE)
    batches = Batches(sink, raising)
    batches.take(step(0, [[1, 2, 3]]))
    batches.take(step(3, [[4]]))
    batches.flush()
    batches.take(step(1, [[5]]))
    batches.close()
    assert text(sink, 0)[0] == [1, 2, 3, 4]
    assert text(sink, 1) == ([5], [1], [1])


def test_a_dropped_step_leaves_a_gap() -> None:
    sink = played(step(0, [[-1, 1]]), step(2, [[2]]), step(5, [[3]]))
    assert text(sink, 0) == ([1, 2, 3], [0, 1, 1], [0, 1, 4])


def test_a_row_that_read_its_end_has_finished() -> None:
    stop, go = np.array([[True], [False]]), np.array([[False], [False]])
    sink = played(
        step(0, [[1, 2], [3, 4]]),
        step(2, [[5], [6]], stops=go),
        step(3, [[7], [0]], stops=stop),
        step(4, [[7], [1]], stops=go),
    )
    assert text(sink, 0) == ([1, 2, 5], [0, 0, 1], [0, 1, 2])
    assert text(sink, 1)[0] == [3, 4, 6, 0, 1]
    assert sorted(sink.ended) == [0, 1]


def test_a_finished_row_goes_on_with_another_turn() -> None:
    """A prompt that follows in the same cache is read by all rows."""
    sink = played(
        step(0, [[1], [2]]),
        step(1, [[7], [3]], stops=np.array([[True], [False]])),
        step(2, [[4, 5], [4, 5]]),
    )
    assert text(sink, 0)[0] == [1, 4, 5]
    assert text(sink, 1)[0] == [2, 3, 4, 5]


def test_a_cache_that_was_filled_before_is_counted() -> None:
    sink = played(step(4, [[1], [2]], earlier=np.array([2, 4])))
    assert text(sink, 0) == ([1], [1], [2])
    assert text(sink, 1) == ([2], [1], [4])


def test_a_call_without_a_cache_ends_its_requests() -> None:
    sink = MemorySink(SHAPE)
    batches = Batches(sink, raising)
    batches.take(step(0, [[1, 2], [-1, -1]], ends=True))
    assert sink.ended == [0]  # The row of padding alone is no request.
    assert batches.tokens == 2


def test_the_oldest_batch_ends_where_there_are_too_many() -> None:
    sink = MemorySink(SHAPE)
    batches = Batches(sink, raising, most=2)
    for batch in range(3):
        batches.take(step(0, [[batch]], batch=batch))
    assert sink.ended == [0]
    batches.take(step(1, [[5]], batch=1))
    batches.close()
    assert text(sink, 1)[0] == [1, 5]


def test_another_number_of_rows_is_another_batch() -> None:
    sink = played(step(0, [[1, 2], [3, 4]]), step(2, [[5]]))
    assert sink.ended[:2] == [0, 1]
    assert text(sink, 2) == ([5], [1], [2])


def test_requests_have_the_task_of_their_beginning() -> None:
    sink = played(step(0, [[1]], task="math"), step(1, [[2]], task="code"))
    assert sink.labels == {0: (None, "math")}


def test_a_long_batch_is_written_on_the_way() -> None:
    sink = MemorySink(SHAPE)
    batches = Batches(sink, raising)
    for past in range(100):
        batches.take(step(past, [[past % 8], [(past + 3) % 8]]))
    assert 60 <= len(sink.requests[0][0]) < 100
    batches.flush()
    assert len(sink.requests[0][0]) == 99  # The latest step may be taken back.
    batches.close()
    assert text(sink, 0)[0] == [past % 8 for past in range(100)]
    assert text(sink, 1)[0] == [(past + 3) % 8 for past in range(100)]
    assert text(sink, 0)[1] == [0] + [1] * 99


def test_a_run_that_the_sink_refuses_is_missing_alone() -> None:
    class Picky(MemorySink):
        def append(self, request, ids, **more) -> None:
            if request == 0 and more["first_token"] == 0:
                raise OSError("full")
            super().append(request, ids, **more)

    sink, failed = Picky(SHAPE), []
    batches = Batches(sink, failed.append)
    batches.take(step(0, [[1, 2], [3, 4]]))
    batches.take(step(2, [[5], [6]]))
    batches.close()
    assert [str(error) for error in failed] == ["full"]
    assert text(sink, 0) == ([5], [1], [2]) and text(sink, 1)[0] == [3, 4, 6]
    assert (batches.tokens, sorted(sink.ended)) == (4, [0, 1])
