"""The adapters: each keeps the promises of a port in `tfraft.ports`. Only `clusters` names them.

`network` moves messages between nodes, `state` keeps what a server must not forget.
"""
