"""GRU4Rec: a recurrent network over what a person chose, refitted daily and trained online in between.

Hidasi and Karatzoglou, CIKM 2018: cross-entropy over the right item and shared, popularity-sampled others, here with
their logQ correction (Bengio and Senecal, 2008). One embedding serves at both ends. No package that is kept up does
this on a stream, so it is written out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, People
from schemas.ids import UserId

Ints = NDArray[np.int64]
LENGTH = 20
"""How many of the newest items a person is read from."""
BATCH = 64
SAMPLED = 256
"""How many other items each batch is trained against."""
ONLINE = 64
"""After how many choices there is one step on the people who made them."""
WINDOW = 50_000
"""How many of the newest choices a daily refit goes over."""
SMOOTH = 0.75
PADDING = 0


class Network(nn.Module):
    """Item embeddings `[items + 1, width]` (0 pads), a GRU over them, and a level for each item."""

    def __init__(self, items: int, width: int) -> None:
        super().__init__()
        self.items = nn.Embedding(items + 1, width, padding_idx=PADDING)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        self.level = nn.Parameter(torch.zeros(items + 1))
        self.recurrent = nn.GRU(width, width, batch_first=True)

    def forward(self, sequences: Tensor) -> Tensor:
        """What comes next, `[people, length, width]`, after each of the items `[people, length]`."""
        states: Tensor = self.recurrent(self.items(sequences))[0]
        return states


class Gru4Rec(Baseline):
    """`epochs` over the newest choices once a day, from where the weights stand, and online steps by the same rate."""

    def __init__(self, width: int = 64, rate: float = 2e-3, epochs: int = 2, seed: int = 0) -> None:
        super().__init__()
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self._rate, self._epochs = rate, epochs
        self._people = People()
        self._daily = Daily()
        self._lately: deque[int] = deque(maxlen=WINDOW)
        self._counts = np.ones(1_024)
        self._network = Network(1_024, width)
        self._optimiser = torch.optim.Adam(self._network.parameters(), rate)
        self._since = 0

    def take(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`; every so many choices there is an online step."""
        if item + 1 >= len(self._counts):
            self._grow()
        self._counts[item + 1] += 1.0
        self._lately.append(self._people.add(user, item))
        self._since += 1
        if self._since >= ONLINE:
            self._since = 0
            newest = [self._lately[-place] for place in range(1, min(ONLINE, len(self._lately)) + 1)]
            self._step([self._tail(person) for person in dict.fromkeys(newest)])

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`."""
        if self._daily.is_due(now):
            self._refit()
        size = len(self.items.ids)
        with torch.no_grad():
            tail = torch.tensor([[item + 1 for item in known[-LENGTH:]]])
            state = self._network(tail)[0, -1]
            weights = self._network.items.weight[1 : size + 1]
            levels = self._network.level[1 : size + 1]
            found: Doubles = (weights @ state + levels).double().numpy()
        return found

    def _tail(self, person: int) -> list[int]:
        return [item + 1 for item in self._people.chosen[person][-LENGTH - 1 :]]

    def _refit(self) -> None:
        people = np.array(list(dict.fromkeys(self._lately)))
        for _ in range(self._epochs):
            for batch in self._batches(people):
                self._step(batch)

    def _batches(self, people: Ints) -> Iterator[list[list[int]]]:
        """The people's sequences in pieces of at most `LENGTH` steps, shuffled, alike long ones together."""
        pieces: list[list[int]] = []
        for person in self._rng.permutation(people).tolist():
            items = [item + 1 for item in self._people.chosen[person]]
            pieces += [items[begin : begin + LENGTH + 1] for begin in range(0, max(1, len(items) - 1), LENGTH)]
        pieces.sort(key=len)
        batches = [pieces[begin : begin + BATCH] for begin in range(0, len(pieces), BATCH)]
        yield from (batches[place] for place in self._rng.permutation(len(batches)).tolist())

    def _step(self, sequences: Sequence[Sequence[int]]) -> None:
        """One step on the next item after each of these sequences' items."""
        usable = [sequence for sequence in sequences if len(sequence) > 1]
        if not usable:
            return
        longest = max(len(sequence) for sequence in usable) - 1
        padded = torch.tensor([[*sequence, *[PADDING] * (longest + 1 - len(sequence))] for sequence in usable])
        right = padded[:, 1:]
        states = self._network(padded[:, :-1])[right != PADDING]
        loss = self._loss(states, right[right != PADDING])
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()

    def _loss(self, states: Tensor, right: Tensor) -> Tensor:
        """Cross-entropy of the right items against sampled ones; a sampled one that is right is left out."""
        weights = self._counts[1 : len(self.items.ids) + 1] ** SMOOTH
        chance = weights / weights.sum()
        drawn = self._rng.choice(len(chance), SAMPLED, p=chance)
        others = torch.from_numpy(drawn + 1)
        drawn_log = torch.from_numpy(np.log(chance)).float()
        network = self._network
        own = (states * network.items(right)).sum(dim=1) + network.level[right] - drawn_log[right - 1]
        rest = states @ network.items(others).T + network.level[others] - drawn_log[others - 1]
        rest = rest.masked_fill(right[:, None] == others[None], -torch.inf)
        scores = torch.cat([own[:, None], rest], dim=1)
        return nn.functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))

    def _grow(self) -> None:
        """Room for twice as many items; what was learned stays, the optimiser begins anew."""
        old = self._network
        size = 2 * len(self._counts)
        self._counts = np.concatenate([self._counts, np.ones(size - len(self._counts))])
        new = Network(size, old.items.embedding_dim)
        with torch.no_grad():
            new.items.weight[: len(old.items.weight)] = old.items.weight
            new.level[: len(old.level)] = old.level
        new.recurrent.load_state_dict(old.recurrent.state_dict())
        self._network = new
        self._optimiser = torch.optim.Adam(new.parameters(), self._rate)
