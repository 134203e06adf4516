"""``python -m deploy.cli``: the same as ``lifelong``."""

from deploy.cli.app import main

main()
