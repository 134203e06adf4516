"""What Feast knows of Lifelong's features, and Feast itself, imported without torch.

Feast imports torch where it is installed, only to return tensors on request: 490 MB of memory, and seconds, of every
process that reads or writes features. Whoever needs Feast imports it from here. A package of its own, since
`feast apply` imports every file under its root.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Let imports of a module fail meanwhile, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # so Python marks what must not be imported
    try:
        yield
    finally:
        del sys.modules[module]


with _absent("torch"):
    from feast import FeatureStore as Feast
    from feast import RepoConfig
    from feast.errors import FeatureViewNotFoundException
    from feast.infra.key_encoding_utils import deserialize_entity_key, serialize_entity_key_prefix

__all__ = [
    "Feast",
    "FeatureViewNotFoundException",
    "RepoConfig",
    "deserialize_entity_key",
    "serialize_entity_key_prefix",
]
