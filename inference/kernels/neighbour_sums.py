"""Sums over the neighbours of a user's recent items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.kernels.kernel import NO_ITEM, Kernel

NeighbourArrays = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Rows by item `[items]` (0 for none), and neighbours and their weights by row, `[rows, width]`; see
`inference.items.neighbours`.
"""
_ARRAYS = "Tuple((int32[::1], int32[:,::1], float32[:,::1]))"
_KINDS = (f"UniTuple({_ARRAYS}, 1)", f"UniTuple({_ARRAYS}, 2)")


def _sums(
    kinds: tuple[NeighbourArrays, ...],
    recent: NDArray[np.int64],
    ends: NDArray[np.int64],
    decays: NDArray[np.float32],
    shrink: np.float32,
    by_rank: NDArray[np.float64],
    by_item: NDArray[np.float64],
    positions: NDArray[np.int64] | None,
    size: int,
) -> NDArray[np.float64]:
    sums, begin = np.zeros((len(ends), len(by_rank), size)), 0
    for user, end in enumerate(ends.tolist()):
        items = recent[begin : min(end, begin + by_rank.shape[1])]
        ids = np.concatenate([ids[row[items]] for row, ids, _ in kinds], axis=1, dtype=np.int64)
        flat = ids.ravel() if positions is None else positions.take(ids.ravel())
        weights = np.concatenate([weights[row[items]] for row, _, weights in kinds], axis=1) * decays[user]
        shrunk, of_items = weights * (weights / (weights + shrink)), by_item[items]
        for index, by_own_rank in enumerate(by_rank[:, : len(items)]):
            factors = np.trim_zeros(by_own_rank, "b")
            factors = factors * of_items[: len(factors)]
            addends = (shrunk[: len(factors)] * factors[:, None]).ravel()
            sums[user, index] = np.bincount(flat[: len(addends)], addends, minlength=size)[:size]
        begin = end
    return sums


def _sums_loops(
    kinds: tuple[NeighbourArrays, ...],
    recent: NDArray[np.int64],
    ends: NDArray[np.int64],
    decays: NDArray[np.float32],
    shrink: np.float32,
    by_rank: NDArray[np.float64],
    by_item: NDArray[np.float64],
    positions: NDArray[np.int64] | None,
    size: int,
) -> NDArray[np.float64]:
    sums, begin, widest = np.zeros((len(ends), len(by_rank), size)), 0, 0
    for _, ids, _ in kinds:
        widest = max(widest, ids.shape[1])
    shrunk = np.empty(widest, np.float32)
    for user in range(len(ends)):
        for rank in range(min(ends[user] - begin, by_rank.shape[1])):
            item = recent[begin + rank]
            for row, ids, weights in kinds:
                own_ids, own_weights = ids[row[item]], weights[row[item]]
                for slot in range(len(own_weights)):
                    weight = own_weights[slot] * decays[user]
                    shrunk[slot] = weight * (weight / (weight + shrink))
                for index in range(len(by_rank)):
                    factor, own = by_rank[index, rank] * by_item[item], sums[user, index]
                    if factor != 0.0:
                        for slot in range(len(own_weights)):
                            if shrunk[slot] > 0.0:
                                at = own_ids[slot] if positions is None else positions[own_ids[slot]]
                                own[at] += shrunk[slot] * factor
        begin = ends[user]
    return sums


neighbour_sums = Kernel(
    _sums,
    _sums_loops,
    signatures=tuple(
        f"float64[:,:,::1]({kinds}, int64[::1], int64[::1], float32[::1], float32, float64[:,::1], float64[::1], "
        f"{positions}, int64)"
        for kinds in _KINDS
        for positions in ("none", "int64[::1]")
    ),
)
"""Return the sums, `[users, sums, size]`, over the neighbours of each user's recent items, of all `kinds`: of weight x
factor at the neighbour's position. `recent` are the items of all users one after the other, and `ends` `[users]` where
each user's end. A weight w is w x the user's decay of `decays`, shrunk to w x w / (w + `shrink`). Its factor is that of
the recent item, `by_item`, times that of its rank, `by_rank` `[sums, ranks]`: items of further ranks do not count.
`positions` `[items]` are those of the sums, by default by item.
"""


def _around(kinds: tuple[NeighbourArrays, ...], items: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    is_around = np.zeros(size, np.bool_)
    for row, ids, weights in kinds:
        rows = row[items]
        is_around[ids[rows][weights[rows] > 0.0]] = True
    return is_around.nonzero()[0]


def _around_loops(kinds: tuple[NeighbourArrays, ...], items: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    eights = np.zeros(size // 8 + 1, np.uint64)  # eight items each, so that a pass over all reads few
    is_around, found = eights.view(np.bool_), 0
    for row, ids, weights in kinds:
        for item in items:
            own = row[item]
            for slot in range(ids.shape[1]):
                if weights[own, slot] > 0.0:
                    found += not is_around[ids[own, slot]]
                    is_around[ids[own, slot]] = True
    numbers, found = np.empty(found, np.int64), 0
    for eight in range(len(eights)):
        if eights[eight]:
            for number in range(8 * eight, 8 * eight + 8):
                if is_around[number]:
                    numbers[found] = number
                    found += 1
    return numbers


neighbours_around = Kernel(
    _around, _around_loops, signatures=tuple(f"int64[::1]({kinds}, int64[::1], int64)" for kinds in _KINDS)
)
"""Return the neighbours of these items, of all `kinds`, ascending, each once; numbers are below `size`."""


def _causes(
    kinds: tuple[NeighbourArrays, ...],
    recent: NDArray[np.int64],
    numbers: NDArray[np.int64],
    newest: NDArray[np.int64],
) -> NDArray[np.int64]:
    summed = np.zeros((len(numbers), len(recent)))
    for row, ids, weights in kinds:
        rows = row[recent]
        is_pair = (ids[rows] == numbers[:, None, None]) & (weights[rows] > 0.0)
        summed += np.where(is_pair, weights[rows], np.float32(0.0)).max(axis=-1)
    summed[np.arange(len(recent)) >= newest[:, None]] = 0.0
    strongest = summed.argmax(axis=1)
    causes: NDArray[np.int64] = np.where(summed.max(axis=1) > 0.0, recent[strongest], NO_ITEM)
    return causes


def _causes_loops(
    kinds: tuple[NeighbourArrays, ...],
    recent: NDArray[np.int64],
    numbers: NDArray[np.int64],
    newest: NDArray[np.int64],
) -> NDArray[np.int64]:
    causes, greatest = np.full(len(numbers), NO_ITEM, np.int64), np.zeros(len(numbers))
    summed = np.empty(len(numbers))
    bits = np.uint64(0)
    for number in numbers:
        bits |= np.uint64(1) << np.uint64(number & 63)
    for nth in range(len(recent)):
        summed[:] = 0.0
        for row, ids, weights in kinds:
            own = row[recent[nth]]
            for slot in range(ids.shape[1]):
                other = ids[own, slot]
                if (bits >> np.uint64(other & 63)) & np.uint64(1) and weights[own, slot] > 0.0:
                    for index in range(len(numbers)):
                        if numbers[index] == other:
                            summed[index] += weights[own, slot]
        for index in range(len(numbers)):
            if nth < newest[index] and summed[index] > greatest[index]:
                greatest[index], causes[index] = summed[index], recent[nth]
    return causes


strongest_causes = Kernel(
    _causes,
    _causes_loops,
    signatures=tuple(f"int64[::1]({kinds}, int64[::1], int64[::1], int64[::1])" for kinds in _KINDS),
)
"""Return for each of `numbers`, which are distinct, which recent item it has the greatest weight with, by the sum over
all `kinds`, `NO_ITEM` if with none: `[numbers]`. Only the `newest` `[numbers]` first of `recent` count; of equal ones
the first.
"""
