"""``python -m deploy.cli``: the same as ``lifelong``."""

from deploy.cli import main

main()
