"""Measures how long a run takes, compared with Pulumi alone and with a simple provider."""
