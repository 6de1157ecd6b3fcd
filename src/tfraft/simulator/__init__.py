"""A simulated world for the real node: one seed decides everything that happens in it, and time is a number.

chance, loop, clock      chance without a shared stream, virtual time, the clock of one node
network, disk, host      what connects nodes, what they must not forget, where they run and crash
plan, faults, operators  what a seed draws; what breaks and when; who changes the membership
clients, history         who uses the cluster, and what came of it
linearizability, models  whether a history could have happened in one place
oracle, claims, desk     what must hold after every turn, of every message, of every answer
world, campaign          one seed, and many
"""
