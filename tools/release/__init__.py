"""Build and check a release. `make dist` runs all of it; the release workflow runs the same."""
