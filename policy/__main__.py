"""Pulumi's policy engine runs this: `pulumi preview --policy-pack policy`."""

from parallel_policies import policies
from pulumi_policy import EnforcementLevel, PolicyPack

if __name__ == "__main__":
    PolicyPack("parallel", policies(), EnforcementLevel.MANDATORY)
