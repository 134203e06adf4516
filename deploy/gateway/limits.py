"""Limits on requests and on what the gateway holds, each in one place; the reference of limits reads them from here.

Limits that a setting can change are in `deploy.settings`, those of single fields in `schemas.bounds`
and in the classes of messages.
"""

from __future__ import annotations

MAX_VALUES = 1_000
"""Values in one POST."""
MAX_VALUE_BYTES = 900_000
"""Bytes of one posted value: a broker accepts by default 1 MB for a batch of records, including its framing."""
MAX_QUEUED_BYTES = 64_000_000
"""Bytes of posts that wait for Kafka."""
MAX_WAIT_MS = 10_000
"""Milliseconds that a GET may wait for a list."""
MAX_CHAT_ITEMS = 20_000
"""Items of the catalogue among which a conversation chooses, in the order in which they were put there."""
MAX_WAITING_SEARCHES = 64
"""Searches that wait for the one before."""
MAX_OUTSIDE_FACTS = 400
"""Facts that are believed of a scope in one answer, and as many that are not; those that come first are given."""
MAX_OUTSIDE_DOCUMENTS = 20
"""Documents about a scope in one answer, of the most trusted sources."""
MAX_OUTSIDE_TEXT = 2_000
"""Characters of a document in an answer."""
MAX_CONVERSATION_LENGTH = 32_000
"""Characters of the id of a conversation, which holds all that was said in it."""
MAX_CONVERSATION_BYTES = 200_000
"""Bytes of what the id of a conversation holds, once it is decompressed."""
MAX_TOKEN_LENGTH = 10_000
"""Characters of the parameter `after`."""
MAX_UNKNOWN_FIELDS = 20
"""Unknown fields that are named of one posted value."""
MAX_RANK_WAITERS = 10_000
"""Pending rank requests that are remembered, by user and locale; beyond it the oldest is forgotten."""
MAX_RETRY_SECONDS = 60
"""The longest `Retry-After` while the backlog is full."""
MAX_RATED_CALLERS = 100_000
"""Callers whose rate is remembered; beyond it, that of the user with a token seen longest ago is forgotten."""
MAX_AUDIT_QUEUE = 50_000
"""Entries of the audit log that wait to be written; beyond it they are dropped and counted."""
MAX_AUDITED_IDS = 20
"""Ids that an entry of the audit log names of one request."""
MAX_KEY_SECRETS = 2
"""Secrets of a key that are valid at once, during a rotation."""
MAX_HEADERS = 100
"""Header fields of a request."""
MAX_PIPELINED = 100
"""Requests of one connection that wait for the answers to earlier ones."""
