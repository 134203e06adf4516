"""The command line as a process that others of its user may sample: `python -m deploy.bench.profile.traceable worker`.

Where `kernel.yama.ptrace_scope` is 1, as in Ubuntu, a process may only be read by its ancestors and by those that it
names. A benchmark's stack is started by a supervisor in the background, so its processes name everybody of the user.
"""

from __future__ import annotations

import ctypes

MODULE = "deploy.bench.profile.traceable"
PR_SET_PTRACER = 0x59616D61
ANY = ctypes.c_ulong(-1)


def permit_sampling() -> bool:
    """Permit every process of this user to read this one; return false where the kernel does not ask for it."""
    return bool(ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY, 0, 0, 0) == 0)


def main() -> None:
    """Run a command of Lifelong in this process, sampled by whoever wants to."""
    from deploy.cli.app import main as run_command

    permit_sampling()
    run_command()


if __name__ == "__main__":
    main()
