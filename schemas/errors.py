"""The exceptions of the project, in one tree; `tests/test_house_rules.py` holds it against the code.

LifelongError
├── DecodeError            a record is not what its topic promises            → dead letter
├── StoreUnavailable       a store does not answer                            → wait, then retry
├── StoreRefused           a store will never accept the value                → dead letter
├── BadPicture             a picture is not to be opened, or not to be fetched  → dead letter; its item goes without
├── BadFilter              a filter or boost cannot be read                   → problem details that name the character
├── ToolRefused            a call of a tool is refused, or fails                → the agent reads why
├── LanguageModelFailed    a language model gives no answer to use             → the rule planner's plan stays
├── RankerUnavailable      the model server does not answer in time           → the local ranker ranks, the list says so
├── Fenced                 another worker holds the lease of the partition    → lease again, then decide anew
│   └── StoreRewound       the store holds less than was written to it        → read again from the stored offsets
├── Rewound                the store or the log was set back                  → the process starts over
├── KafkaAway              Kafka does not answer                              → wait, then retry
├── KafkaRefused           Kafka refuses a request                            → the command or process ends
├── IncompatibleSchema     a published schema would break its readers         → nothing is published
├── UnusableWeights        a weights file cannot serve                        → the newest good version serves
├── Problem                a request to the gateway cannot be answered        → problem details (RFC 9457)
├── SettingsError          a setting is wrong or missing                      → the command ends, naming it
├── StackError             the embedded stack cannot do what was asked        → the command ends
│   └── NotHealthy         a server of it does not become healthy in time     → what was started is stopped again
├── FlinkUnavailable       Flink's JobManager does not answer, or refuses      → wait, then the process starts over
├── FlinkJobError          a job on Flink cannot run                          → the process starts over
├── UnknownStateFormat     Flink keeps a state that newer code has written    → the job does not go on
├── UnsupportedHalfLife    a half-life is too short for Flink                 → the job is not submitted
├── CannotMeasure          the benchmark lacks what it needs, or runs differ  → the command ends
├── MonitoringError        Prometheus cannot be configured or started         → the command ends
├── UnreadableFile         a file does not hold what it should                → the command ends
├── BadCell                a cell of a row cannot be read                     → the row is refused, with the reason
├── NotWritable            an output file cannot be written                   → the command ends before it works
├── NoSuch                 nothing has the requested name                     → the command ends, with similar names
├── NothingDone            nothing matches the request                        → the command ends
├── JobKept                a process keeps a job on Flink running            → the command ends
├── NothingToDecide        a command about models names no variant            → the command ends
├── NoExperiment           the log holds no such experiment                   → the command ends
├── NothingLogged          the log holds nothing to evaluate a policy on      → the command ends
├── NothingToEvaluate      the log holds no choice                            → the command ends
├── NothingAfter           the log ends before the attack                     → the command ends
├── NothingSaid            the log leaves nobody who could say anything       → the command ends
├── UnknownPart            no part of that name can be ablated                → the command ends
├── UnknownBaseline        there is no baseline of that name                  → the command ends
├── PackagesMissing        an optional package is not installed               → the command ends, saying which
├── BaselinesDied          the process of the baselines ended early           → the command ends
├── WorkDied               a process of the pool ended early                  → the command ends
├── NoTasks                a file holds no tasks or catalogue of conversations  → the command ends
├── NoStudy                a folder does not hold PAHF's study                → the command ends
├── UnknownPlace           the calendar of holidays does not have a country    → the command ends
├── NotFetched             the demo's data cannot be fetched                  → the command ends
├── NothingToPlay          the demo's data holds no event                     → the command ends
└── Crash                  a test stops the in-memory runner                  → the test continues
"""

from __future__ import annotations

from typing import Literal

ReasonCode = Literal[
    "empty",
    "too-large",
    "not-json",
    "invalid",
    "absurd-time",
    "unknown-topic",
    "wrong-key",
    "refused",
    "handler-error",
    "crashed",
]


class LifelongError(Exception):
    """The root of the project's own exceptions."""


class DecodeError(LifelongError):
    """A record is not what its topic promises; `reason` is for programs, the message for people."""

    def __init__(self, reason: ReasonCode, message: str) -> None:
        super().__init__(message)
        self.reason: ReasonCode = reason


class StoreUnavailable(LifelongError):
    """A store does not answer; nothing was written, and the same call may be made again."""


class StoreRefused(LifelongError):
    """A store answers and will never accept this value: a retry changes nothing."""


PictureFault = Literal[
    "too-large",
    "too-many-pixels",
    "too-small",
    "no-picture",
    "broken",
    "not-allowed",
    "private-address",
    "unreachable",
]


class BadPicture(LifelongError):
    """A picture cannot be used; `fault` is for programs, the message for people."""

    def __init__(self, fault: PictureFault, message: str) -> None:
        super().__init__(message)
        self.fault: PictureFault = fault


class BadFilter(LifelongError):
    """A filter or a boost cannot be read; `at` is the character at fault, from 0, and the message names it from 1."""

    def __init__(self, fault: str, at: int, what: Literal["filter", "boost"] = "filter") -> None:
        super().__init__(f"{what}, character {at + 1}: {fault}")
        self.fault, self.at = fault, at


ToolFault = Literal[
    "unknown-tool", "bad-arguments", "forbidden", "not-found", "unavailable", "timeout", "bad-result", "not-enabled"
]


class ToolRefused(LifelongError):
    """A call of a tool is refused or fails; `fault` is for programs, the message for the agent that called it."""

    def __init__(self, fault: ToolFault, message: str) -> None:
        super().__init__(message)
        self.fault: ToolFault = fault


LanguageFault = Literal["away", "slow", "cut", "refused", "nonsense", "over-budget", "not-tried"]


class LanguageModelFailed(LifelongError):
    """A language model gives no answer that can be used; `fault` is for programs, the message for people."""

    def __init__(self, fault: LanguageFault, message: str) -> None:
        super().__init__(message)
        self.fault: LanguageFault = fault


class PackagesMissing(LifelongError):
    """An optional package is not installed."""


class RankerUnavailable(LifelongError):
    """The model server did not answer in time; the caller ranks with the local ranker, and the list says so."""


class Fenced(LifelongError):
    """Another worker has leased the partition: what this worker decided must not be written."""


class StoreRewound(Fenced):
    """The state store holds less than the lease holder wrote: it was wiped, truncated or replaced by an older copy."""


class Rewound(LifelongError):
    """The store or the log is not what it was: the store was restored, or a topic was recreated or truncated."""


class IncompatibleSchema(LifelongError):
    """A message type changed in a way that breaks those who read or write it."""
