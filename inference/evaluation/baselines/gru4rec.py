"""GRU4Rec: a recurrent network over a user's choices, refitted daily and trained online in between.

Hidasi and Karatzoglou, CIKM 2018: cross-entropy over the right item and shared, popularity-sampled others, here with
their logQ correction (Bengio and Senecal, 2008). Input and output share one embedding. No maintained package does this
on a stream, so it is implemented here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.evaluation.baselines.baseline import Baseline, Daily, Doubles, UserChoices
from schemas.ids import UserId

Ints = NDArray[np.int64]
SEQUENCE_LENGTH = 20
"""How many of the newest items of a user are read."""
BATCH_SIZE = 64
SAMPLED_NEGATIVES = 256
"""How many sampled items each batch is trained against."""
ONLINE_CHOICES = 64
"""After how many choices there is one step on the users who made them."""
REFIT_CHOICES = 50_000
"""How many of the newest choices a daily refit covers."""
SAMPLING_POWER = 0.75
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
        """Return the states `[users, length, width]` after each of the items `[users, length]`."""
        states: Tensor = self.recurrent(self.items(sequences))[0]
        return states


class Gru4Rec(Baseline):
    """`epochs` over the newest choices once a day, from the current weights, and online steps at the same rate."""

    def __init__(self, width: int = 64, rate: float = 2e-3, epochs: int = 2, seed: int = 0) -> None:
        super().__init__()
        torch.set_num_threads(1)
        torch.manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self._rate, self._epochs = rate, epochs
        self._users = UserChoices()
        self._daily = Daily()
        self._newest_users: deque[int] = deque(maxlen=REFIT_CHOICES)
        self._counts = np.ones(1_024)
        self._network = Network(1_024, width)
        self._optimiser = torch.optim.Adam(self._network.parameters(), rate)
        self._since = 0

    def learn_choice(self, user: UserId, item: int, at: float) -> None:
        """See `Baseline`; there is an online step every `ONLINE_CHOICES` choices."""
        if item + 1 >= len(self._counts):
            self._grow()
        self._counts[item + 1] += 1.0
        self._newest_users.append(self._users.add(user, item))
        self._since += 1
        if self._since >= ONLINE_CHOICES:
            self._since = 0
            newest = [self._newest_users[-back] for back in range(1, min(ONLINE_CHOICES, len(self._newest_users)) + 1)]
            self._step([self._tail(number) for number in dict.fromkeys(newest)])

    def scores(self, known: Sequence[int], now: float) -> Doubles | None:
        """See `Baseline`."""
        if self._daily.is_due(now):
            self._refit()
        size = len(self.items.ids)
        with torch.no_grad():
            tail = torch.tensor([[item + 1 for item in known[-SEQUENCE_LENGTH:]]])
            state = self._network(tail)[0, -1]
            weights = self._network.items.weight[1 : size + 1]
            levels = self._network.level[1 : size + 1]
            scores: Doubles = (weights @ state + levels).double().numpy()
        return scores

    def _tail(self, number: int) -> list[int]:
        return [item + 1 for item in self._users.chosen[number][-SEQUENCE_LENGTH - 1 :]]

    def _refit(self) -> None:
        users = np.array(list(dict.fromkeys(self._newest_users)))
        for _ in range(self._epochs):
            for batch in self._batches(users):
                self._step(batch)

    def _batches(self, users: Ints) -> Iterator[list[list[int]]]:
        """Yield the users' sequences in pieces of at most `SEQUENCE_LENGTH` steps, shuffled, similar lengths
        together.
        """
        pieces: list[list[int]] = []
        for number in self._rng.permutation(users).tolist():
            items = [item + 1 for item in self._users.chosen[number]]
            pieces += [
                items[begin : begin + SEQUENCE_LENGTH + 1]
                for begin in range(0, max(1, len(items) - 1), SEQUENCE_LENGTH)
            ]
        pieces.sort(key=len)
        batches = [pieces[begin : begin + BATCH_SIZE] for begin in range(0, len(pieces), BATCH_SIZE)]
        yield from (batches[index] for index in self._rng.permutation(len(batches)).tolist())

    def _step(self, sequences: Sequence[Sequence[int]]) -> None:
        """Take one step on the next item after each item of these sequences."""
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
        """Return the cross-entropy of the right items against sampled ones; sampled right items are left out."""
        weights = self._counts[1 : len(self.items.ids) + 1] ** SAMPLING_POWER
        chance = weights / weights.sum()
        sampled = self._rng.choice(len(chance), SAMPLED_NEGATIVES, p=chance)
        others = torch.from_numpy(sampled + 1)
        log_chance = torch.from_numpy(np.log(chance)).float()
        network = self._network
        own = (states * network.items(right)).sum(dim=1) + network.level[right] - log_chance[right - 1]
        rest = states @ network.items(others).T + network.level[others] - log_chance[others - 1]
        rest = rest.masked_fill(right[:, None] == others[None], -torch.inf)
        scores = torch.cat([own[:, None], rest], dim=1)
        return nn.functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))

    def _grow(self) -> None:
        """Make room for twice as many items; weights stay, the optimiser restarts."""
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
