"""The HTTP load as a program: reads a `RequestPlan` as JSON, sends the requests, and prints `RequestFigures`.

It is a process of its own, so that neither the benchmark's other threads nor its own reading of lists slow it down.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

import msgspec
import numpy as np
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import RequestError

from deploy.bench.http.requests import RequestFigures, RequestPlan
from deploy.bench.load.choices import choices

FAILED = "failed"


class Requests:
    """Sends the requests of a plan and counts the answers."""

    def __init__(self, plan: RequestPlan, client: Client) -> None:
        self._plan = plan
        self._client = client
        self._choices = choices(plan.users, plan.items, seed=plan.connections)
        self.latencies_ms: list[float] = []
        self.statuses: Counter[str] = Counter()

    async def run(self) -> None:
        """Send on all connections until the time is over."""
        ends = time.monotonic() + self._plan.seconds
        await asyncio.gather(*(self._connection(ends) for _ in range(self._plan.connections)))

    async def _connection(self, ends: float) -> None:
        while time.monotonic() < ends:
            began = time.perf_counter()
            self.statuses[await self._request()] += 1
            self.latencies_ms.append((time.perf_counter() - began) * 1e3)

    async def _request(self) -> str:
        user, item = next(self._choices)
        if self._plan.method == "GET":
            request = self._client.get(f"{self._plan.url}/v1/recommendations/{user}")
        else:
            event = {"type": "click", "user_id": user, "item_id": item}
            request = self._client.post(f"{self._plan.url}/v1/interactions").body_json(event)
        try:
            response = await request.build().send()
            await response.bytes()
        except RequestError:
            return FAILED
        return str(response.status)


async def figures(plan: RequestPlan) -> RequestFigures:
    """Send the requests of a plan and return what was seen."""
    builder = ClientBuilder().default_headers({"X-API-Key": plan.api_key}).pool_max_idle_per_host(plan.connections)
    async with builder.no_proxy().build() as client:
        requests = Requests(plan, client)
        began, cpu = time.monotonic(), time.process_time()
        await requests.run()
        elapsed, used = time.monotonic() - began, time.process_time() - cpu
    latencies = np.array(requests.latencies_ms)
    p50, p99, most = (round(float(np.percentile(latencies, share)), 2) for share in (50, 99, 100))
    failed = requests.statuses[FAILED]
    good = sum(count for status, count in requests.statuses.items() if status.startswith("2"))
    return RequestFigures(
        answered=len(latencies) - failed,
        errors=len(latencies) - good,
        statuses=dict(requests.statuses),
        requests_per_second=round(good / elapsed, 1),
        p50_ms=p50,
        p99_ms=p99,
        max_ms=most,
        client_cores=round(used / elapsed, 3),
    )


def main() -> None:
    """Run the plan on standard input."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=RequestPlan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(figures(plan))))


if __name__ == "__main__":
    main()
