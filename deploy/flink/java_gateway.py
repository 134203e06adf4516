"""Java for PyFlink, of this process alone: who asks it for something shows a secret that only this process knows.

PyFlink's own gateway takes commands from every user of the machine, on a port without a password.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

GATEWAY_PROGRAM = "org.apache.flink.api.python.shaded.py4j.GatewayServer"


def begin_java(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start Java with the gateway of py4j, on a free port of loopback, and have PyFlink use it. It ends with this
    process. `command` starts Java with Flink's jars on its class path.
    """
    from py4j.java_gateway import GatewayParameters, JavaGateway
    from pyflink import java_gateway
    from pyflink.util.exceptions import install_exception_handler, install_py4j_hooks

    arguments = (*command, GATEWAY_PROGRAM, "--enable-auth", "--die-on-broken-pipe", "0")
    java = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port, secret = (_line(java) for _ in range(2))
    parameters = GatewayParameters(port=int(port), auth_token=secret, auto_convert=True)
    gateway: Any = JavaGateway(gateway_parameters=parameters)
    java_gateway._gateway = gateway
    java_gateway.import_flink_view(gateway)
    install_exception_handler()
    install_py4j_hooks()
    return java


def _line(java: subprocess.Popen[bytes]) -> str:
    assert java.stdout is not None
    return java.stdout.readline().decode().strip()
