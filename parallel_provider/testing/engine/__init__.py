"""A small deployment engine: what stands between a Pulumi program and its dynamic providers.

    program process ──gRPC──▶ monitor ─▶ registration ─▶ steps ──gRPC──▶ provider process
                                              │            │
                                          decisions      ledger (the state as it becomes)

`values`, `paths`, `urns`, `graph`, `decisions` and `state` are plain functions of plain values;
`processes`, `program`, `provider` and `services` are all that touches another process; `deployment`
holds what one operation shares, and `operations` are preview, up, refresh and destroy.
"""
