# Copyright: Zoneshift contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every call of api.py against the sandbox's ECS: what arrives there, and what is made of its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.zoneshift.ack.plugins.module_utils._domain.cloud import DiskRequest, Snapshot
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs import api
from ansible_collections.zoneshift.ack.plugins.module_utils._ecs.client import Client, client_for
from ansible_collections.zoneshift.ack.plugins.module_utils._errors import (
    BadInput,
    Conflict,
    Denied,
    Refused,
    Retryable,
)

from tests.sandbox.ecs.cloud import Cloud
from tests.sandbox.ecs.latency import Latency
from tests.sandbox.ecs.server import EcsServer
from tests.sandbox.faults import Fault, FaultBook
from tests.sandbox.requestlog import RequestLog
from tests.unit.plugins.module_utils.fakes import FakeClock

ZONE, TARGET_ZONE = "cn-beijing-h", "cn-beijing-k"
ESSD = DiskRequest(ZONE, "cloud_essd", 20, performance_level="PL1")


@dataclasses.dataclass
class Account:
    """An ECS of its own, whose time is the client's: waiting takes none."""

    clock: FakeClock
    cloud: Cloud
    server: EcsServer
    faults: FaultBook
    log: RequestLog
    client: Client

    def params(self, action: str) -> list[dict[str, Any]]:
        """What arrived with each call of the action."""
        return [call.params for call in self.log.calls() if call.verb == action]

    def disk(self, token: str = "disk", wanted: DiskRequest = ESSD) -> str:
        """A disk that was attached and written once: ECS refuses snapshots of others."""
        disk_id = api.create_disk(self.client, wanted=wanted, token=token)
        instance = self.cloud.add_instance(wanted.zone_id)
        self.cloud.call("AttachDisk", {"DiskId": disk_id, "InstanceId": instance}, "driver")
        self.cloud.write(disk_id, instance, {"n": 1})
        self.cloud.call("DetachDisk", {"DiskId": disk_id, "InstanceId": instance}, "driver")
        return disk_id

    def snapshot(self, disk_id: str, token: str = "snapshot", **options: Any) -> str:
        return api.create_snapshot(self.client, disk_id=disk_id, name="zoneshift-web-0", token=token, **options)

    def look(self, snapshot_id: str) -> Snapshot:
        (found,) = api.describe_snapshots(self.client, [snapshot_id])
        return found


@pytest.fixture
def account() -> Iterator[Account]:
    clock = FakeClock()
    cloud, faults, log = Cloud(clock=clock.now), FaultBook(), RequestLog()
    server = EcsServer(cloud, {"LTAI-admin": ("secret-of-admin", "admin")}, faults, log)
    params = {
        "region": "cn-beijing",
        "access_key_id": "LTAI-admin",
        "access_key_secret": "secret-of-admin",
        "ecs_endpoint": f"http://{server.start()}",
    }
    client = client_for(params, environ={}, clock=clock)
    yield Account(clock, cloud, server, faults, log, client)
    client.close()
    server.stop()


class TestDisks:
    def test_every_property_that_is_asked_for_comes_back(self, account: Account) -> None:
        wanted = DiskRequest(
            TARGET_ZONE,
            "cloud_auto",
            40,
            encrypted=True,
            kms_key_id="key-1",
            resource_group_id="rg-1",
            provisioned_iops=100,
            bursting_enabled=True,
            name="zoneshift-web-0",
            description="made by a test",
            tags={"b": "2", "a": "1", "empty": ""},
        )
        disk_id = api.create_disk(account.client, wanted=wanted, token="t-1")
        (disk,) = api.describe_disks(account.client, [disk_id])
        assert (disk.disk_id, disk.region_id, disk.status, disk.kind) == (disk_id, "cn-beijing", "Available", "data")
        assert disk.detached and disk.never_attached
        for field in dataclasses.fields(wanted):
            if hasattr(disk, field.name):
                assert getattr(disk, field.name) == getattr(wanted, field.name), field.name

    def test_tags_are_sent_in_one_order(self, account: Account) -> None:
        """Their order is part of the parameters that a ClientToken stands for (alibaba-ecs.md 2.6)."""
        for tags in ({"b": "2", "a": "1"}, {"a": "1", "b": "2"}):
            api.create_disk(account.client, wanted=dataclasses.replace(ESSD, tags=tags), token="t-1")
        assert len(api.describe_disks(account.client)) == 1

    def test_essd_sends_category_and_level_and_no_property_of_others(self, account: Account) -> None:
        wanted = dataclasses.replace(ESSD, provisioned_iops=0, bursting_enabled=False, kms_key_id="unused")
        api.create_disk(account.client, wanted=wanted, token="t-1")
        (sent,) = account.params("CreateDisk")
        assert (sent["DiskCategory"], sent["PerformanceLevel"], sent["Size"]) == ("cloud_essd", "PL1", "20")
        assert not sent.keys() & {"ProvisionedIops", "BurstingEnabled", "KMSKeyId", "Encrypted", "MultiAttach"}

    def test_a_regional_disk_names_no_zone(self, account: Account) -> None:
        wanted = DiskRequest(TARGET_ZONE, "cloud_regional_disk_auto", 20)
        disk_id = api.create_disk(account.client, wanted=wanted, token="t-1")
        assert "ZoneId" not in account.params("CreateDisk")[0]
        assert api.describe_disks(account.client, [disk_id])[0].category == "cloud_regional_disk_auto"

    def test_multi_attach(self, account: Account) -> None:
        wanted = dataclasses.replace(ESSD, multi_attach=True)
        disk_id = api.create_disk(account.client, wanted=wanted, token="t-1")
        assert api.describe_disks(account.client, [disk_id])[0].multi_attach

    def test_an_attached_disk_names_its_instance(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        instance = account.cloud.add_instance(ZONE)
        account.cloud.call("AttachDisk", {"DiskId": disk_id, "InstanceId": instance}, "driver")
        (disk,) = api.describe_disks(account.client, [disk_id])
        assert (disk.status, disk.attachments) == ("In_use", (instance,))
        assert not disk.detached and not disk.never_attached

    def test_no_ids_match_nothing_and_cost_nothing(self, account: Account) -> None:
        api.create_disk(account.client, wanted=ESSD, token="t-1")
        before = account.log.last_number
        assert api.describe_disks(account.client, []) == []
        assert account.log.last_number == before
        assert len(api.describe_disks(account.client)) == 1

    def test_unknown_ids_are_not_in_the_answer(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        found = api.describe_disks(account.client, [disk_id, "d-2zeunknown0000000000"])
        assert [disk.disk_id for disk in found] == [disk_id]

    def test_many_ids_go_in_batches_and_many_disks_in_pages(self, account: Account) -> None:
        made = {
            api.create_disk(account.client, wanted=dataclasses.replace(ESSD, tags={"run": "r"}), token=f"t-{number}")
            for number in range(205)
        }
        before = account.log.last_number
        assert {disk.disk_id for disk in api.describe_disks(account.client, made)} == made
        assert account.log.last_number - before == 3
        assert {disk.disk_id for disk in api.describe_disks(account.client, tags={"run": "r"})} == made
        assert account.log.last_number - before == 6
        assert api.describe_disks(account.client, tags={"run": "other"}) == []


class TestSnapshots:
    @pytest.mark.parametrize(("days", "sent"), [(1, "1"), (7, "7"), (-1, None), (None, None)])
    def test_retention_on_the_wire(self, account: Account, days: int | None, sent: str | None) -> None:
        snapshot_id = account.snapshot(account.disk(), retention_days=days)
        assert account.params("CreateSnapshot")[0].get("RetentionDays") == sent
        assert account.look(snapshot_id).retention_days == (int(sent) if sent else None)

    @pytest.mark.parametrize("days", [0, -2, 65537])
    def test_impossible_retentions_are_not_sent(self, account: Account, days: int) -> None:
        with pytest.raises(BadInput, match=str(days)):
            account.snapshot("d-1", retention_days=days)
        assert account.params("CreateSnapshot") == []

    def test_the_four_moments(self, account: Account) -> None:
        disk_id = account.disk()
        account.cloud.latency = Latency(snapshot_cut=2, snapshot_usable=5, snapshot_durable=30)
        snapshot_id = account.snapshot(disk_id, tags={"run": "r"}, description="by a test")
        moments = []
        for pause in (0, 3, 3, 30):
            account.clock.sleep(pause)
            seen = account.look(snapshot_id)
            moments.append((seen.cut, seen.usable, seen.durable))
        assert moments == [(False, False, False), (True, False, False), (True, True, False), (True, True, True)]
        assert (seen.source_disk_id, seen.size_gib, seen.progress_percent) == (disk_id, 20, 100)
        assert (seen.name, seen.description, seen.tags) == ("zoneshift-web-0", "by a test", {"run": "r"})

    def test_a_failed_one(self, account: Account) -> None:
        disk_id = account.disk()
        account.cloud.settings.failing_snapshots.add("*")
        seen = account.look(account.snapshot(disk_id))
        assert seen.failed and not seen.usable and not seen.durable

    def test_found_by_disk_and_tag(self, account: Account) -> None:
        disks = [account.disk(f"disk-{number}") for number in range(3)]
        made = [account.snapshot(disk, token=f"snapshot-{disk}", tags={"run": "r"}) for disk in disks]
        found = api.describe_snapshots(account.client, disk_ids=disks[:2], tags={"run": "r"})
        assert {snapshot.snapshot_id for snapshot in found} == set(made[:2])
        assert api.describe_snapshots(account.client, disk_ids=[]) == []
        assert api.describe_snapshots(account.client, snapshot_ids=[]) == []

    def test_of_a_disk_that_was_never_attached(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        with pytest.raises(Conflict, match="mount it once") as caught:
            account.snapshot(disk_id)
        assert caught.value.code == "IncorrectDiskStatus.NeverAttached"
        assert caught.value.context["disk"] == disk_id

    def test_a_disk_from_it_has_its_contents(self, account: Account) -> None:
        disk_id = account.disk()
        snapshot_id = account.snapshot(disk_id)
        wanted = dataclasses.replace(ESSD, zone_id=TARGET_ZONE, snapshot_id=snapshot_id)
        copy_id = api.create_disk(account.client, wanted=wanted, token="copy")
        assert account.cloud.read(copy_id) == account.cloud.read(disk_id) != []
        (copy,) = api.describe_disks(account.client, [copy_id])
        assert (copy.zone_id, copy.source_snapshot_id) == (TARGET_ZONE, snapshot_id)

    def test_retention_is_lengthened_only(self, account: Account) -> None:
        snapshot_id = account.snapshot(account.disk(), retention_days=2)
        api.modify_snapshot_retention(account.client, snapshot_id, 5)
        assert account.look(snapshot_id).retention_days == 5
        with pytest.raises(Conflict) as caught:
            api.modify_snapshot_retention(account.client, snapshot_id, 3)
        assert caught.value.code == "InvalidOperation.DecreaseRetentionDaysUnsupported"
        with pytest.raises(BadInput, match="unlimited"):
            api.modify_snapshot_retention(account.client, snapshot_id, -1)


class TestOnce:
    """DESIGN S7: whatever happens to the answer, one wish makes one thing."""

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_lost_answer_makes_no_second_disk(self, account: Account, moment: Any) -> None:
        account.faults.add(Fault(effect="drop", moment=moment, verb="CreateDisk"))
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert [disk.disk_id for disk in api.describe_disks(account.client)] == [disk_id]
        assert len(account.params("CreateDisk")) == 2

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_a_lost_answer_makes_no_second_snapshot(self, account: Account, moment: Any) -> None:
        disk_id = account.disk()
        account.faults.add(Fault(effect="drop", moment=moment, verb="CreateSnapshot"))
        snapshot_id = account.snapshot(disk_id)
        assert [seen.snapshot_id for seen in api.describe_snapshots(account.client)] == [snapshot_id]

    def test_an_earlier_request_that_is_still_processed_is_waited_for(self, account: Account) -> None:
        account.cloud.latency = Latency(create_processing=7)
        account.faults.add(Fault(effect="drop", moment="after", verb="CreateDisk"))
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert [disk.disk_id for disk in api.describe_disks(account.client)] == [disk_id]

    def test_another_wish_under_the_same_token_is_a_conflict(self, account: Account) -> None:
        api.create_disk(account.client, wanted=ESSD, token="t-1")
        with pytest.raises(Conflict) as caught:
            api.create_disk(account.client, wanted=dataclasses.replace(ESSD, size_gib=21), token="t-1")
        assert caught.value.code == "IdempotentParameterMismatch"

    @pytest.mark.parametrize("token", ["", "x" * 65, "tök"])
    def test_a_create_without_a_proper_token_is_not_sent(self, account: Account, token: str) -> None:
        with pytest.raises(BadInput, match="ClientToken"):
            api.create_disk(account.client, wanted=ESSD, token=token)
        with pytest.raises(BadInput, match="ClientToken"):
            account.snapshot("d-1", token=token)
        assert account.log.calls() == []

    def test_a_throttled_create_succeeds_in_the_next_minute(self, account: Account) -> None:
        account.cloud.set_throttle("CreateDisk", 1)
        for number in range(3):
            api.create_disk(account.client, wanted=ESSD, token=f"t-{number}")
        assert len(api.describe_disks(account.client)) == 3
        assert 60 < account.clock.now() - 1000 <= 150


class TestDeleting:
    def test_a_disk(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert api.delete_disk(account.client, disk_id) is True
        assert api.describe_disks(account.client) == []

    @pytest.mark.parametrize(("answers_404", "said"), [(True, False), (False, True)])
    def test_what_is_not_there_is_fine_either_way(self, account: Account, answers_404: bool, said: bool) -> None:
        """The pages say both "ignored" and 404 (alibaba-ecs.md 2.2, 2.5)."""
        account.cloud.settings.absent_delete_fails = answers_404
        assert api.delete_disk(account.client, "d-2zeunknown0000000000") is said
        assert api.delete_snapshot(account.client, "s-2zeunknown0000000000") is said

    def test_a_lost_answer(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        account.faults.add(Fault(effect="drop", moment="after", verb="DeleteDisk"))
        api.delete_disk(account.client, disk_id)
        assert api.describe_disks(account.client) == []

    def test_a_fresh_copy_is_waited_for(self, account: Account) -> None:
        snapshot_id = account.snapshot(account.disk())
        account.cloud.latency = Latency(disk_initialize=120)
        wanted = dataclasses.replace(ESSD, snapshot_id=snapshot_id)
        copy_id = api.create_disk(account.client, wanted=wanted, token="copy")
        with pytest.raises(Retryable) as caught:
            api.delete_disk(account.client, copy_id, patience=0)
        assert caught.value.code == "IncorrectDiskStatus.Initializing"
        started = account.clock.now()
        assert api.delete_disk(account.client, copy_id) is True
        assert 110 <= account.clock.now() - started <= 130

    def test_an_attached_disk_is_not_deleted(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=ESSD, token="t-1")
        instance = account.cloud.add_instance(ZONE)
        account.cloud.call("AttachDisk", {"DiskId": disk_id, "InstanceId": instance}, "driver")
        with pytest.raises(Conflict) as caught:
            api.delete_disk(account.client, disk_id)
        assert caught.value.code.startswith("IncorrectDiskStatus")
        assert len(account.params("DeleteDisk")) == 1

    def test_a_snapshot_that_a_disk_was_made_from(self, account: Account) -> None:
        snapshot_id = account.snapshot(account.disk())
        wanted = dataclasses.replace(ESSD, snapshot_id=snapshot_id)
        api.create_disk(account.client, wanted=wanted, token="copy")
        assert api.delete_snapshot(account.client, snapshot_id) is True
        assert api.describe_snapshots(account.client) == []


class TestTags:
    def test_set_and_taken_off(self, account: Account) -> None:
        disk_id = api.create_disk(account.client, wanted=dataclasses.replace(ESSD, tags={"keep": "1"}), token="t-1")
        api.tag_resources(account.client, "disk", [disk_id], {"run": "r", "empty": ""})
        assert api.describe_disks(account.client)[0].tags == {"keep": "1", "run": "r", "empty": ""}
        api.untag_resources(account.client, "disk", [disk_id], ["run", "empty", "never-there"])
        assert api.describe_disks(account.client)[0].tags == {"keep": "1"}

    def test_of_snapshots(self, account: Account) -> None:
        snapshot_id = account.snapshot(account.disk())
        api.tag_resources(account.client, "snapshot", [snapshot_id], {"run": "r"})
        assert account.look(snapshot_id).tags == {"run": "r"}

    def test_fifty_at_a_time_and_nothing_for_nothing(self, account: Account) -> None:
        made = [api.create_disk(account.client, wanted=ESSD, token=f"t-{number}") for number in range(51)]
        api.tag_resources(account.client, "disk", made, {"run": "r"})
        api.tag_resources(account.client, "disk", made, {})
        api.tag_resources(account.client, "disk", [], {"run": "r"})
        api.untag_resources(account.client, "disk", made, [])
        assert len(account.params("TagResources")) == 2
        assert len(api.describe_disks(account.client, tags={"run": "r"})) == 51
        assert account.params("UntagResources") == []


class TestMarket:
    def test_zones(self, account: Account) -> None:
        zones = api.describe_zones(account.client)
        assert [zone.zone_id for zone in zones] == list(account.cloud.zones)
        assert all("cloud_essd" in zone.disk_categories for zone in zones)

    def test_offers_of_one_zone(self, account: Account) -> None:
        account.cloud.set_stock(TARGET_ZONE, "cloud_essd", False)
        offers = {
            offer.category: offer for offer in api.describe_available_disk_categories(account.client, TARGET_ZONE)
        }
        assert {offer.zone_id for offer in offers.values()} == {TARGET_ZONE}
        assert not offers["cloud_essd"].available
        assert offers["cloud_auto"].available
        assert (offers["cloud_auto"].min_gib, offers["cloud_auto"].max_gib) == (1, 65536)

    def test_sold_out(self, account: Account) -> None:
        account.cloud.set_stock(ZONE, "cloud_essd", False)
        with pytest.raises(Refused, match="choose another target zone") as caught:
            api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert caught.value.context["kind"] == "no_stock"
        assert f"zone {ZONE}" in str(caught.value)
        assert "category cloud_essd" in str(caught.value)

    def test_quota(self, account: Account) -> None:
        account.cloud.set_capacity_quota(ZONE, "cloud_essd", 10)
        with pytest.raises(Refused, match="Quota Center") as caught:
            api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert caught.value.context["kind"] == "quota"

    def test_price(self, account: Account) -> None:
        small, large = (
            api.describe_disk_price(
                account.client, zone=ZONE, category="cloud_essd", size_gib=size, performance_level="PL1"
            )
            for size in (20, 200)
        )
        assert small.currency == "CNY"
        assert 0 < small.trade_price <= small.list_price < large.list_price


class TestIdentity:
    def test_no_permission(self, account: Account) -> None:
        account.server.deny("admin", "CreateDisk")
        with pytest.raises(Denied, match="RAM permission") as caught:
            api.create_disk(account.client, wanted=ESSD, token="t-1")
        assert caught.value.code == "Forbidden.RAM"
        assert len(account.params("CreateDisk")) == 1

    @pytest.mark.parametrize(
        ("key", "secret", "code"),
        [
            ("LTAI-nobody", "secret-of-admin", "InvalidAccessKeyId.NotFound"),
            ("LTAI-admin", "wrong-secret", "SignatureDoesNotMatch"),
        ],
    )
    def test_wrong_keys(self, account: Account, key: str, secret: str, code: str) -> None:
        params = {
            "region": "cn-beijing",
            "access_key_id": key,
            "access_key_secret": secret,
            "ecs_endpoint": f"http://127.0.0.1:{account.client._transport.port}",
        }
        with pytest.raises(Denied, match="Check access_key_id") as caught:
            api.describe_zones(client_for(params, environ={}, clock=account.clock))
        assert caught.value.code == code
        assert key not in str(caught.value) and secret not in str(caught.value.as_result())
