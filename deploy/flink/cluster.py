"""A Flink cluster as its REST interface shows it: which jobs run, and how they are stopped."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.settings import FlinkSettings
from schemas.errors import LifelongError
from schemas.tls import TlsFiles

ENDED = frozenset({"FAILED", "CANCELED", "FINISHED"})
"""States that a job does not leave."""


class FlinkUnavailable(LifelongError):
    """The JobManager does not answer, or refuses; the message says which request."""


@dataclass(frozen=True)
class FlinkCluster:
    """The cluster whose JobManager's REST interface is at `address` (host:port), reached by TLS where its
    files are given. Methods block for 5 s at most.
    """

    address: str
    tls: TlsFiles | None = None

    @classmethod
    def of(cls, settings: FlinkSettings) -> FlinkCluster:
        """Return the cluster that the settings name."""
        return cls(settings.rest, tls_files(settings) if settings.ssl else None)

    def slots(self) -> int:
        """Return how many task slots are registered.

        Raises:
            FlinkUnavailable: no answer.
        """
        return int(self.get("/overview")["slots-total"])

    def running(self, name: str) -> str:
        """Return the id of the job of this name that has not ended; empty if there is none.

        Raises:
            FlinkUnavailable: no answer.
        """
        jobs = self.get("/jobs/overview")["jobs"]
        return next((str(job["jid"]) for job in jobs if job["name"] == name and job["state"] not in ENDED), "")

    def state(self, job: str) -> str:
        """Return the state of a job.

        Raises:
            FlinkUnavailable: no answer, or the JobManager has begun anew and does not know the job.
        """
        return str(self.get(f"/jobs/{job}")["state"])

    def begin_stop(self, job: str, savepoints: str) -> str:
        """Begin to stop a job with a savepoint below the directory; return the request's id for `saved`.

        Raises:
            FlinkUnavailable: no answer, or the job cannot be stopped.
        """
        return str(self._ask(f"/jobs/{job}/stop", {"targetDirectory": savepoints, "drain": False})["request-id"])

    def begin_savepoint(self, job: str, savepoints: str) -> str:
        """Begin a savepoint of a job that goes on, below the directory; return the request's id for `saved`.

        Raises:
            FlinkUnavailable: no answer, or the job has no savepoint now.
        """
        body = {"target-directory": savepoints, "cancel-job": False}
        return str(self._ask(f"/jobs/{job}/savepoints", body)["request-id"])

    def saved(self, job: str, request: str) -> str:
        """Return where the savepoint of a request is; empty while it is not complete.

        Raises:
            FlinkUnavailable: no answer, or it failed.
        """
        answer = self.get(f"/jobs/{job}/savepoints/{request}")
        operation = answer.get("operation") or {}
        if failure := operation.get("failure-cause"):
            raise FlinkUnavailable(f"the savepoint of job {job} failed: {failure['class']}")
        return str(operation["location"]) if answer["status"]["id"] == "COMPLETED" else ""

    def tasks(self, job: str) -> int:
        """Return how many tasks share the job's keys: the greatest parallelism of its operators.

        Raises:
            FlinkUnavailable: no answer.
        """
        return max(int(operator["parallelism"]) for operator in self.get(f"/jobs/{job}")["vertices"])

    def rescale(self, job: str, tasks: int) -> None:
        """Have so many tasks share the keys of a running job, or as many as there are slots for. Flink restarts it from
        its newest checkpoint, with the scheduler `adaptive`.

        Raises:
            FlinkUnavailable: no answer, or the cluster has another scheduler.
        """
        operators = self.get(f"/jobs/{job}")["vertices"]
        bounds = {
            str(each["id"]): {
                "parallelism": {"lowerBound": 1, "upperBound": min(tasks, int(each["maxParallelism"]))},
            }
            for each in operators
        }
        self._ask(f"/jobs/{job}/resource-requirements", bounds, method="PUT")

    def get(self, path: str) -> Any:
        """Return the answer to a GET, decoded.

        Raises:
            FlinkUnavailable: no answer.
        """
        return self._ask(path, None)

    def _ask(self, path: str, body: Mapping[str, object] | None, method: str | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        url = f"{'https' if self.tls else 'http'}://{self.address}{path}"
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data=content, headers=headers, method=method)
        try:
            with self._opener().open(request, timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as exc:
            raise FlinkUnavailable(f"{self.address}{path} answered {exc.code}: {_first_error(exc)}") from exc
        except (OSError, ValueError) as exc:
            raise FlinkUnavailable(f"Flink at {self.address!r} does not answer {path}: {exc}") from exc

    def _opener(self) -> urllib.request.OpenerDirector:
        """Return what opens URLs of the cluster, without the user's proxy, and with the client's certificate."""
        direct = urllib.request.ProxyHandler({})
        if self.tls is None:
            return urllib.request.build_opener(direct)
        context = ssl.create_default_context(cafile=self.tls.authority or None)
        if self.tls.certificate:
            context.load_cert_chain(self.tls.certificate, self.tls.key)
        return urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=context))


def _first_error(answer: urllib.error.HTTPError) -> str:
    """Return the first line of what a refusal says, and close it."""
    with answer:
        try:
            errors = json.load(answer)["errors"]
        except (OSError, ValueError, KeyError, TypeError):
            return "it gives no reason"
    return next((line for error in errors for line in str(error).splitlines()), "it gives no reason")


def tls_files(settings: FlinkSettings) -> TlsFiles:
    """Return the files of TLS that the settings name."""
    return TlsFiles(
        authority=settings.ssl_ca_location,
        certificate=settings.ssl_certificate_location,
        key=settings.ssl_key_location,
    )
