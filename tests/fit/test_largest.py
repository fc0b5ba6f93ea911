"""The largest number whose size is within a limit."""

from hypothesis import given
from hypothesis import strategies as st

from memscan.fit.largest import largest

COUNTS = st.integers(1, 10_000)


@given(
    st.tuples(COUNTS, COUNTS, COUNTS), st.sampled_from([1, 16, 256]), st.sampled_from([1, 7, 1000, 131_072, 1 << 24]), st.data()
)
def test_it_is_the_last_that_fits(shape, page, most, data):
    asked = []
    slope, bent, window = shape

    def size(number):
        asked.append(number)
        return 1000 + slope * (-(-number // page) * page) + bent * min(number, window)

    limit = data.draw(st.integers(0, size(most) + 10))
    asked.clear()
    found = largest(size, limit, most)
    calls = len(asked)
    assert found == 0 or size(found) <= limit
    assert found == most or size(found + 1) > limit
    assert calls < 60  # 24 halvings and as many straight lines


def test_a_straight_line_takes_hardly_a_step():
    asked = []

    def size(number):
        asked.append(number)
        return 5_000_000_000 + 131_072 * number

    assert largest(size, 20_000_000_000, 1 << 24) == 114_440
    assert len(asked) < 8


def test_bounds():
    assert largest(lambda number: number, 0, 10) == 0
    assert largest(lambda number: number, 10, 10) == 10
    assert largest(lambda number: number, 1, 1) == 1
