import pytest

from ganexp.callbacks.interval import Interval

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is not installed")
st = hypothesis.strategies
given = hypothesis.given


@given(st.integers(1, 1_000), st.integers(1, 300), st.integers(1, 60))
def test_it_is_time_once_for_each_mark_passed_at_most_once_a_batch(every, batch, batches):
    pace = Interval(every)
    pace.start(0)
    times = [images for images in range(batch, batch * (batches + 1), batch) if pace.due(images)]
    marks = {images // every for images in range(batch, batch * (batches + 1), batch)} - {0}
    assert len(times) == len(marks)


@given(st.integers(1, 500), st.integers(1, 100), st.integers(0, 40), st.integers(0, 40))
def test_a_resumed_run_keeps_the_marks_of_an_uninterrupted_one(every, batch, before, after):
    def due(start, stop, pace):
        pace.start(start * batch)
        return [n for n in range(start + 1, stop + 1) if pace.due(n * batch)]

    whole = due(0, before + after, Interval(every))
    assert due(0, before, Interval(every)) + due(before, before + after, Interval(every)) == whole
