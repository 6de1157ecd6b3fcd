"""State: where a server keeps term, vote, log and snapshot (Figure 3.1, ch. 5) while it does not run.

memory                  all of it in an object, gone when the process ends
json, document          state in a file that a person can read
wal                     state in a write-ahead log, of which it names the parts
wal_check, new_cluster  looking at such a log, and the way out of a lost quorum, while no server runs
snapshots               snapshots in files beside either
bases, replay           a base as JSON, and the state that saves leave: shared by all
files, lock             replacing a file whole, and keeping a second process out
"""
