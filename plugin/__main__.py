"""Runs the native plugin in the environment that Pulumi has made for it, beside this file."""

from parallel_provider.plugin.__main__ import main

main(commands_by_path=True)
