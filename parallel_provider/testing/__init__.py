"""What tests of Pulumi programs need: a stack without the Pulumi command line.

This package knows the Pulumi SDK and its protocols, and no other layer of this project: it runs any
program and any dynamic provider.
"""

from parallel_provider.testing.engine.errors import Refused
from parallel_provider.testing.stack import EmbeddedStack

__all__ = ["EmbeddedStack", "Refused"]
