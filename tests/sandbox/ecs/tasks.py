# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DescribeTasks and DescribeTaskAttribute. Only ModifyDiskSpec makes tasks; snapshots and disks never are tasks."""

from __future__ import annotations

from typing import Any

from .errors import EcsError, refusal
from .model import Task, iso_time
from .paging import PageRules, page
from .state import State

TASK_PAGE = PageRules(floor=1, ceiling=100)
MOST_IDS = 100


class TaskActions:
    def __init__(self, state: State) -> None:
        self._state = state

    def describe_tasks(self, args: dict[str, Any]) -> dict[str, Any]:
        """TaskIds are separated by commas, unlike all other lists of ids."""
        ids = [item.strip() for item in args["TaskIds"].split(",")] if args.get("TaskIds") else None
        if ids and len(ids) > MOST_IDS:
            raise EcsError("InvalidTaskIds.Malformed", "The amount of specified task Ids exceeds the limit.", 403)
        found = [
            task
            for task in self._state.visible(self._state.tasks)
            if (ids is None or task.id in ids)
            and args.get("TaskAction") in (None, "", task.action)
            and args.get("TaskStatus") in (None, "", "All", task.status(self._state.now()))
            and (not args.get("ResourceIds") or task.resource_id in args["ResourceIds"])
            and (not args.get("StartTime") or iso_time(task.created_at) >= args["StartTime"])
            and (not args.get("EndTime") or iso_time(task.created_at) <= args["EndTime"])
        ]
        numbered = {"PageNumber": args.get("PageNumber"), "PageSize": args.get("PageSize")}
        shown, place = page(found, numbered, TASK_PAGE, lambda task: task.number)
        del place["NextToken"]
        return {**place, "RegionId": self._state.region, "TaskSet": {"Task": [self._row(task) for task in shown]}}

    def _row(self, task: Task) -> dict[str, Any]:
        now = self._state.now()
        return {
            "CreationTime": iso_time(task.created_at),
            "FinishedTime": iso_time(task.done_at) if now >= task.done_at else "",
            "ResourceId": task.resource_id,
            "SupportCancel": "false",
            "TaskAction": task.action,
            "TaskId": task.id,
            "TaskStatus": task.status(now),
        }

    def describe_task_attribute(self, args: dict[str, Any]) -> dict[str, Any]:
        task = self._state.tasks.get(args["TaskId"])
        if task is None:
            raise refusal("InvalidTaskId.NotFound")
        now = self._state.now()
        finished = now >= task.done_at
        percent = 100 if finished else int(100 * (now - task.created_at) / (task.done_at - task.created_at))
        progress = {
            "ErrorCode": "",
            "ErrorMsg": "",
            "OperationStatus": "Success" if finished else "Processing",
            "RelatedItemSet": {"RelatedItem": [{"Name": "DiskId", "Value": task.resource_id}]},
        }
        return {
            "CreationTime": iso_time(task.created_at),
            "FailedCount": 0,
            "FinishedTime": iso_time(task.done_at) if finished else "",
            "OperationProgressSet": {"OperationProgress": [progress]},
            "RegionId": task.region,
            "SuccessCount": 1 if finished else 0,
            "SupportCancel": "false",
            "TaskAction": task.action,
            "TaskId": task.id,
            "TaskProcess": f"{percent}%",
            "TaskStatus": task.status(now),
            "TotalCount": 1,
        }
