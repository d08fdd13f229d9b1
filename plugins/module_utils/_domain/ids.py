# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that this tool gives to what it makes: tokens, tags, labels. Pure."""

from __future__ import annotations

import hashlib
import re

DRIVER = "diskplugin.csi.alibabacloud.com"

HOLD_FINALIZER = "zoneshift.io/hold"
# On a PV that a run made: the reclaim policy to give it at finalize. It is Retain until then.
POLICY_ANNOTATION = "zoneshift.io/reclaim-policy"
RUN_LABEL = "zoneshift.io/run"
STS_LABEL = "zoneshift.io/sts"

RUN_TAG = "zoneshift.io/run"
CLAIM_TAG = "zoneshift.io/claim"
STEP_TAG = "zoneshift.io/step"

# A run id is a label value, a tag value and part of object names.
_RUN_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def is_run_id(text: str) -> bool:
    """Whether the text may serve as a run id: up to 40 lower-case letters, digits and inner hyphens."""
    return bool(_RUN_ID.fullmatch(text))


def client_token(run_id: str, step: str, disk_id: str, attempt: int = 1) -> str:
    """The ClientToken of a create call: the same for every retry and resume, at most 64 ASCII characters.

    ECS answers the same token with the same resource (alibaba-ecs.md 2.6); after a refused create the next attempt
    needs another one.
    """
    seed = "\0".join((run_id, step, disk_id, str(attempt)))
    return "zoneshift-" + hashlib.sha256(seed.encode()).hexdigest()[:40]


def owner_tags(run_id: str, step: str, claim: str) -> dict[str, str]:
    """Tags by which a later call, run or clean-up recognises what this run made."""
    return {RUN_TAG: run_id, STEP_TAG: step, CLAIM_TAG: claim[:128]}


def journal_name(run_id: str) -> str:
    """The ConfigMap that records a run."""
    return f"zoneshift-{run_id}"


def lease_name(sts: str) -> str:
    """The Lease that lets one run at a time touch a StatefulSet."""
    return f"zoneshift-{sts}"


def resource_name(claim: str, run_id: str) -> str:
    """A name for a snapshot or disk in the console: 2-128 characters that start with a letter and not with `auto`."""
    return f"zoneshift-{run_id}-{claim}"[:128]
