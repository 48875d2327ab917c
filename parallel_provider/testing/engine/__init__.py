"""A small deployment engine. It runs a Pulumi program with its dynamic providers.

    program process --gRPC--> services --> registration --> steps --gRPC--> provider process
                                               |              |
                                             diffs          state

`values`, `paths`, `urns`, `diffs`, `state` and `export` hold plain functions and values.
`processes`, `program`, `provider` and `services` talk to other processes. `deployment` has the
objects that all parts of one operation share. `operations` has the operations: preview, up,
refresh, destroy.
"""
