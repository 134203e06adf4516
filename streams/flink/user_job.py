"""The user job on PyFlink: records of all user topics, keyed by their user, through `streams.flink.user_batches`.

    Kafka source → name the user → key by user → handle in batches

Nothing else knows PyFlink. It runs in Flink's own environment, in the thread mode: Python in the process of the
TaskManager. Messages are published by the tasks themselves, before the states that they follow from are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import ceil
from typing import Any

from pyflink.common import Types
from pyflink.datastream import (
    DataStream,
    FlatMapFunction,
    KeyedCoProcessFunction,
    KeyedStream,
    RuntimeContext,
    StreamExecutionEnvironment,
)
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor
from pyflink.table import StreamTableEnvironment

from schemas.ids import DEFAULT_USER
from streams.flink.keyed_user import pack_record
from streams.flink.user_batches import UserBatches, UserTask, user_of
from streams.log.records import Inbound

Close = Callable[[], None]
MakeTask = Callable[[], tuple[UserTask, Close]]
"""Builds what a task runs on, in the process where it runs; the second value releases it."""
KEYED = Types.TUPLE([Types.STRING(), Types.PRIMITIVE_ARRAY(Types.BYTE())])
"""What travels between tasks: the user, and the packed record."""
RECORDS = """
CREATE TEMPORARY TABLE user_records (
  log_key BYTES,
  `value` BYTES,
  topic STRING NOT NULL METADATA VIRTUAL,
  log_partition INT NOT NULL METADATA FROM 'partition' VIRTUAL,
  log_offset BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL,
  headers MAP<STRING, BYTES> NOT NULL METADATA VIRTUAL,
  produced TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL
) WITH ({options})
"""
READ_RECORDS = """
SELECT topic, log_partition, log_offset, log_key, `value`, headers,
  CAST(TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 3), produced) AS BIGINT) * 1000
    + EXTRACT(MILLISECOND FROM produced) AS milliseconds
FROM user_records
"""


def define(
    environment: StreamExecutionEnvironment,
    source: Mapping[str, str],
    prefix: str,
    make_task: MakeTask,
    clock: Callable[[], float],
) -> None:
    """Define the job in an environment: `source` are the options of the table of records, whose topics have the prefix
    before their names.
    """
    tables = StreamTableEnvironment.create(environment)
    options = ", ".join(f"'{name}' = '{_escaped(value)}'" for name, value in source.items())
    tables.execute_sql(RECORDS.format(options=options))
    records = tables.to_data_stream(tables.sql_query(READ_RECORDS))
    named = records.flat_map(NameUser(prefix, clock), output_type=KEYED).uid("name-user").name("name the user")
    # One record of no topic starts the timer of the non-personalised lists; after a restart the timer is in the state.
    begin = environment.from_collection([(DEFAULT_USER, b"")], KEYED).uid("begin").name("begin")
    handled = _by_user(named, "records").connect(_by_user(begin, "begin")).process(HandleUsers(make_task), KEYED)
    handled.uid("handle-users").name("handle users")


def _by_user(pairs: DataStream, what: str) -> KeyedStream:
    keyed = pairs.key_by(lambda pair: pair[0], key_type=Types.STRING())
    # PyFlink computes keys by an operator of its own, which has no name for its uid.
    keyed._j_data_stream.getTransformation().getInputs().get(0).setUid(f"key-{what}")
    return keyed


def _escaped(value: str) -> str:
    return value.replace("'", "''")


class NameUser(FlatMapFunction):  # type: ignore[misc]
    """Turns a row of the source into its user and the packed record."""

    def __init__(self, prefix: str, clock: Callable[[], float]) -> None:
        self._prefix = prefix
        self._clock = clock

    def flat_map(self, row: Any) -> Iterator[tuple[str, bytes]]:
        """Return one pair."""
        topic, partition, offset, key, value, headers, milliseconds = row
        record = Inbound(
            topic=topic.removeprefix(self._prefix),
            partition=partition,
            offset=offset,
            key=key,
            value=value,
            timestamp=milliseconds / 1_000.0,
            headers=tuple((headers or {}).items()),
        )
        yield user_of(record, self._clock()), pack_record(record)


class HandleUsers(KeyedCoProcessFunction):  # type: ignore[misc]
    """Calls `UserBatches` with Flink's state and timers of the current key."""

    def __init__(self, make_task: MakeTask) -> None:
        self._make_task = make_task

    def open(self, context: RuntimeContext) -> None:
        """Build the task: its tables are read to their ends first."""
        task, self._close = self._make_task()
        self._users = UserBatches(task)
        self._key = CurrentKey(context)

    def close(self) -> None:
        """Release what the task has opened."""
        self._close()

    def process_element1(self, pair: tuple[str, bytes], context: KeyedCoProcessFunction.Context) -> Iterable[Any]:
        """Take a record; nothing is passed on, as messages are published here."""
        self._key.timers = context.timer_service()
        self._users.take(pair[0], pair[1], self._key)
        return ()

    process_element2 = process_element1

    def on_timer(self, timestamp: int, context: KeyedCoProcessFunction.OnTimerContext) -> Iterable[Any]:
        """Wake the user whose timer it is."""
        self._key.timers = context.timer_service()
        self._users.wake(context.get_current_key(), self._key)
        return ()


class Unconverted:
    """A converter of PyFlink that converts nothing."""

    def to_internal(self, value: Any) -> Any:
        """Return what Java gave."""
        return value

    def to_external(self, value: Any) -> Any:
        """Return what Java gets."""
        return value


class CurrentKey:
    """The `KeyedState` of the key that Flink calls with now."""

    def __init__(self, context: RuntimeContext) -> None:
        kind = Types.PRIMITIVE_ARRAY(Types.BYTE())
        self._user = context.get_state(ValueStateDescriptor("user", kind))
        self._pending = context.get_list_state(ListStateDescriptor("pending", kind))
        # PyFlink would take bytes apart into a tuple of numbers; its bridge to Java passes them as they are.
        self._user._value_converter = self._pending._element_converter = self._pending._value_converter = Unconverted()
        self.timers: Any = None

    def user(self) -> bytes | None:
        """See `KeyedState`."""
        state: bytes | None = self._user.value()
        return state

    def store_user(self, state: bytes) -> None:
        """See `KeyedState`."""
        self._user.update(state)

    def pending(self) -> Iterable[bytes]:
        """See `KeyedState`."""
        return list(self._pending.get())

    def add_pending(self, record: bytes) -> None:
        """See `KeyedState`."""
        self._pending.add(record)

    def clear_pending(self) -> None:
        """See `KeyedState`."""
        self._pending.clear()

    def wake(self, at: float) -> None:
        """See `KeyedState`."""
        self.timers.register_processing_time_timer(ceil(at * 1_000.0))
