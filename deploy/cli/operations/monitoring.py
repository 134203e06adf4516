"""``lifelong monitor``: write the targets for Prometheus to scrape, and start a Prometheus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.shown import AsJson, put_json
from deploy.cli.terminal import Console
from deploy.embedded.stack import Stack
from deploy.monitoring.targets import GRAFANA, SERVER_PORTS, addresses, free_port, prometheus_command, write_targets
from deploy.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands of this file to ``app``."""
    monitor = typer.Typer(help="Watch the system with Prometheus and Grafana.", no_args_is_help=True)
    monitor.command("targets")(targets)
    monitor.command("prometheus")(prometheus)
    app.add_typer(monitor, name="monitor")


def targets(as_json: AsJson = False) -> None:
    """Write the addresses of everything that serves metrics to <data_dir>/prometheus/targets.json."""
    console = Console(highlight=False, soft_wrap=True)
    folder, scraped = _targets()
    if as_json:
        put_json({"file": str(write_targets(folder, scraped)), "targets": scraped})
        return
    console.print(f"Wrote {write_targets(folder, scraped)}")
    for job, address in scraped.items():
        console.print(f"  {job:<10} http://{address}/metrics")


def prometheus(
    port: Annotated[int, typer.Option(help="Port on the loopback interface; 0: any free port.")] = 0,
) -> None:
    """Start Prometheus here, in the foreground, with the shipped configuration and alert rules."""
    console = Console(highlight=False, soft_wrap=True)
    folder, scraped = _targets()
    port = port or free_port()
    command = prometheus_command(folder, port)
    write_targets(folder, scraped)
    console.print(f"Prometheus: http://127.0.0.1:{port}  (Ctrl-C stops it; its data stays in {folder})")
    console.print(f"Alerts:     http://127.0.0.1:{port}/alerts")
    console.print(f"Grafana:    PROMETHEUS_URL=http://127.0.0.1:{port}, and mount {GRAFANA / 'provisioning'}")
    os.execv(command[0], command)


def _targets() -> tuple[Path, dict[str, str]]:
    """Return Prometheus's folder and the addresses to scrape, by job; external servers are left out."""
    stack = Stack(load_settings(with_endpoints=False))
    embedded = {server.name for server in stack.embedded()}
    chosen = stack.ports()
    ports = {name: chosen[name] for server, name in SERVER_PORTS.items() if server in embedded and name in chosen}
    return stack.layout.data_dir / "prometheus", addresses(stack.settings(), ports)
