"""Every peer by name; the first is ours."""

from typing import Dict, Type

from peer import Peer

from .celery_peer import CeleryPrefork, CeleryPreforkEach, CelerySolo
from .rq_peer import RqFork, RqSimple
from .rwp_peer import Rwp

PEERS: Dict[str, Type[Peer]] = {
    kind.name: kind
    for kind in (Rwp, RqSimple, RqFork, CeleryPrefork, CeleryPreforkEach, CelerySolo)
}
