"""Every table of every room, for migrations and tests."""

from __future__ import annotations

from firmware.boxes import models as boxes
from firmware.images import models as images
from firmware.rollouts import models as rollouts
from firmware.verdicts import models as verdicts
from stb_service.billing import models as billing
from stb_service.devices import models as devices
from stb_service.parts import models as parts
from stb_service.rma import models as rma
from stb_service.rma.claiming import models as rma_claiming
from stb_service.shared import audit, jobs, leases, outbox, personal
from stb_service.shared.db import Base
from stb_service.shared.http import idempotency
from stb_service.staff import models as staff
from stb_service.subscribers import models as subscribers
from stb_service.warranty import models as warranty

ROOMS = (
    audit,
    billing,
    boxes,
    devices,
    idempotency,
    images,
    jobs,
    leases,
    outbox,
    personal,
    parts,
    rma,
    rma_claiming,
    rollouts,
    staff,
    subscribers,
    verdicts,
    warranty,
)
metadata = Base.metadata
