"""Runs the native plugin from a checkout."""

from parallel_provider.plugin.__main__ import main

main()
