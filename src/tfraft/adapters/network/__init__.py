"""Networks: how messages and requests get from one node to another.

`memory` joins nodes of one process, `grpc` processes anywhere; `links` breaks the links of either on purpose.
`wire` turns messages into bytes and back without any I/O, and `admin` lets another process look into a node.
"""

import os

# gRPC writes to stderr when a connection ends in disorder, and it reads this when it is imported. Who wants to see
# that sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
