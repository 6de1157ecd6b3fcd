"""A simulated world for the real node: one seed decides everything that happens in it, and time is a number.

    chance, loop, clock             chance without a shared stream; virtual time; the clock of one node
    network, disk, host             what joins the nodes, what they must not forget, where they run and crash
    plan, faults, operators         what a seed draws; what breaks, and when; who changes the membership
    workload, callers, clients      what is asked for, how, and by whom
    history, models, linearizability    what came of it, and whether it could have come of one place
    oracle, quorum, claims, beliefs, desk, readings, replicas
                                    what must hold of the logs, of each message, of what a server believes, of each
                                    answer, and of the state machines, after every turn
    turns, rare, trace              which states were reached, and all that happened
    world, recovery, seeds, campaign    one world, its end, one seed, many

The way in is `seeds.run_seed`, or `python -m tfraft.simulator --seeds A..B`.
"""
