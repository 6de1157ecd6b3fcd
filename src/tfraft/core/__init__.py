"""Raft as a pure, synchronous, silent value machine: feed it inputs, drain it of effects once per turn.

Read it beside Ongaro's dissertation, *Consensus: Bridging Theory and Practice*: `election` is §3.4, §3.6.1 and §4.2.3,
`replication` §3.5, §3.6.2 and §10.2, `membership` chapter 4, `reads` §6.4, and `raft` joins them.
"""
