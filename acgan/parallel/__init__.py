"""Work on parts of a batch side by side on a CPU: a thread and a core for each part.

Each part is computed with one of torch's own (intra-op) threads. Several of those wait for each other in every layer,
so that one busy neighbour on the machine delays them thousands of times a step; a part waits only for itself. And the
bits of a part do not depend on the number of cores: with another number of threads, layers add in another order.
"""

from acgan.parallel.parts import MOST_PARTS, in_order, in_order_on, together
from acgan.parallel.sharing import Sharing, present_share, shared_among
from acgan.parallel.team import exchange, place_among_parts
from acgan.parallel.threads import cores, using_cores

__all__ = [
    "MOST_PARTS",
    "Sharing",
    "cores",
    "exchange",
    "in_order",
    "in_order_on",
    "place_among_parts",
    "present_share",
    "shared_among",
    "together",
    "using_cores",
]
