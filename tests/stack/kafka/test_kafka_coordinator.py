"""El coordinador de grupos, sin red: rondas, generaciones, latidos y despedidas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from stack.kafka.embedded.codec import Writer
from stack.kafka.embedded.errors import ErrorCode, KafkaError
from stack.kafka.embedded.groups import Group, Groups
from stack.kafka.embedded.members import GroupState, JoinRequest, JoinResult
from stack.kafka.embedded.settings import Settings

QUICK = Settings(min_session_timeout_ms=10)


def request(member_id: str = "", **changes: object) -> JoinRequest:
    plain = JoinRequest(
        member_id=member_id,
        instance_id=None,
        client_id="c",
        client_host="127.0.0.1",
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        protocol_type="consumer",
        protocols={"range": b"m"},
        needs_known_id=False,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def run(scenario: Callable[[Group], Awaitable[None]], settings: Settings = QUICK) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(asyncio.ensure_future(scenario(Group("g", settings))), 5)

    asyncio.run(bounded())


async def stable(group: Group, count: int = 1) -> list[JoinResult]:
    """Un grupo ya repartido entre `count` miembros."""
    joins = [asyncio.ensure_future(group.join(request()))]
    await asyncio.sleep(0)
    known = [(await joins[0]).member_id]
    for _ in range(count - 1):
        new = asyncio.ensure_future(group.join(request()))
        await asyncio.sleep(0)
        joins = [asyncio.ensure_future(group.join(request(member_id))) for member_id in known] + [new]
        known = [(await join).member_id for join in joins]
    results = [await join for join in joins]
    leader = next(result for result in results if result.leader == result.member_id)
    shares = {result.member_id: result.member_id.encode() for result in results}
    await group.sync(leader.member_id, leader.generation, shares)
    assert group.state is GroupState.STABLE
    return results


async def beat(group: Group, member: JoinResult) -> ErrorCode:
    hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    return await group.heartbeat(member.member_id, member.generation, hurry)


def test_the_first_one_leads_and_shares_out() -> None:
    async def scenario(group: Group) -> None:
        (member,) = await stable(group)
        assert member.leader == member.member_id
        assert member.members == ((member.member_id, None, b"m"),)
        share = await group.sync(member.member_id, member.generation, {})
        assert share.assignment == member.member_id.encode()

    run(scenario)


def test_a_second_one_waits_for_the_first_to_rejoin() -> None:
    async def scenario(group: Group) -> None:
        first, second = await stable(group, 2)
        assert first.generation == second.generation == 2
        assert first.leader == second.leader == first.member_id
        assert len(first.members) == 2
        assert second.members == ()

    run(scenario)


def test_a_held_heartbeat_hears_about_the_round_at_once() -> None:
    async def scenario(group: Group) -> None:
        (member,) = await stable(group)
        held = asyncio.ensure_future(beat(group, member))
        await asyncio.sleep(0)
        assert not held.done()
        joining = asyncio.ensure_future(group.join(request()))
        assert await held is ErrorCode.REBALANCE_IN_PROGRESS
        assert await beat(group, member) is ErrorCode.REBALANCE_IN_PROGRESS
        joining.cancel()

    run(scenario)


def test_another_request_frees_the_held_heartbeat() -> None:
    async def scenario(group: Group) -> None:
        (member,) = await stable(group)
        hurry: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        held = asyncio.ensure_future(group.heartbeat(member.member_id, member.generation, hurry))
        await asyncio.sleep(0)
        hurry.set_result(None)
        assert await held is ErrorCode.NONE

    run(scenario)


def test_strangers_and_old_generations() -> None:
    async def scenario(group: Group) -> None:
        (member,) = await stable(group)
        assert await beat(group, replace(member, member_id="otro")) is ErrorCode.UNKNOWN_MEMBER_ID
        assert await beat(group, replace(member, generation=0)) is ErrorCode.ILLEGAL_GENERATION
        assert (await group.sync("otro", 1, {})).error is ErrorCode.UNKNOWN_MEMBER_ID
        assert (await group.join(request("otro"))).error is ErrorCode.UNKNOWN_MEMBER_ID
        assert group.leave("otro") is ErrorCode.UNKNOWN_MEMBER_ID

    run(scenario)


def test_an_identifier_is_given_before_joining() -> None:
    async def scenario(group: Group) -> None:
        invited = await group.join(request(needs_known_id=True))
        assert invited.error is ErrorCode.MEMBER_ID_REQUIRED
        assert group.members == {}
        joined = await group.join(request(invited.member_id, needs_known_id=True))
        assert joined.error is ErrorCode.NONE
        assert list(group.members) == [invited.member_id]

    run(scenario)


def test_an_invitation_that_nobody_uses_does_not_block() -> None:
    async def scenario(group: Group) -> None:
        await group.join(request(needs_known_id=True, session_timeout_ms=30))
        assert (await group.join(request())).error is ErrorCode.NONE

    run(scenario)


def test_who_does_not_beat_is_taken_out() -> None:
    async def scenario(group: Group) -> None:
        joined = await group.join(request(session_timeout_ms=30))
        await group.sync(joined.member_id, joined.generation, {})
        while group.members:
            await asyncio.sleep(0.005)
        assert group.state is GroupState.EMPTY

    run(scenario)


def test_a_leader_that_dies_before_sharing_frees_the_others() -> None:
    async def scenario(group: Group) -> None:
        leader, follower = await stable(group, 2)
        third = asyncio.ensure_future(group.join(request()))
        await asyncio.sleep(0)
        rejoined = [
            asyncio.ensure_future(group.join(request(leader.member_id))),
            asyncio.ensure_future(group.join(request(follower.member_id))),
        ]
        generation = (await third).generation
        await asyncio.gather(*rejoined)
        waiting = asyncio.ensure_future(group.sync(follower.member_id, generation, {}))
        await asyncio.sleep(0)
        group.leave(leader.member_id)
        assert (await waiting).error is ErrorCode.REBALANCE_IN_PROGRESS

    run(scenario)


def test_a_cut_connection_while_joining_leaves_no_ghost() -> None:
    async def scenario(group: Group) -> None:
        await stable(group)
        joining = asyncio.ensure_future(group.join(request()))
        await asyncio.sleep(0)
        assert len(group.members) == 2
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        assert len(group.members) == 1

    run(scenario)


def test_who_does_not_come_back_in_time_is_left_out() -> None:
    async def scenario(group: Group) -> None:
        joined = await group.join(request(rebalance_timeout_ms=30))
        await group.sync(joined.member_id, joined.generation, {})
        second = await group.join(request(rebalance_timeout_ms=30))
        assert list(group.members) == [second.member_id]
        assert second.leader == second.member_id

    run(scenario)


def test_the_strategy_everyone_understands_wins() -> None:
    async def scenario(group: Group) -> None:
        first = asyncio.ensure_future(group.join(request(protocols={"sticky": b"s", "range": b"r"})))
        one = await first
        second = asyncio.ensure_future(group.join(request(protocols={"range": b"r2"})))
        await asyncio.sleep(0)
        again = await group.join(request(one.member_id, protocols={"sticky": b"s", "range": b"r"}))
        assert again.protocol == (await second).protocol == "range"
        refused = await group.join(request(protocols={"otra": b""}))
        assert refused.error is ErrorCode.INCONSISTENT_GROUP_PROTOCOL

    run(scenario)


def test_the_same_instance_takes_its_old_place() -> None:
    async def scenario(group: Group) -> None:
        old = await group.join(request(instance_id="uno"))
        new = await group.join(request(instance_id="uno"))
        assert list(group.members) == [new.member_id]
        assert await beat(group, old) is ErrorCode.FENCED_INSTANCE_ID
        fenced = await group.join(request(old.member_id, instance_id="uno"))
        assert fenced.error is ErrorCode.FENCED_INSTANCE_ID

    run(scenario)


def subscription(*topics: str, generation: int = -1) -> dict[str, bytes]:
    """Lo que dice un consumidor al entrar: sus topics y, detrás, lo que tenía y de qué generación."""
    w = Writer()
    w.int16(3)
    w.array(topics, w.string)
    w.int32(-1)
    w.array([], w.string)
    w.int32(generation)
    return {"range": bytes(w.buffer)}


@pytest.mark.parametrize("leads", [True, False], ids=["quien reparte", "otro"])
def test_an_instance_that_returns_keeps_its_share_and_disturbs_nobody(leads: bool) -> None:
    async def scenario(group: Group) -> None:
        waiting = [asyncio.ensure_future(group.join(request(instance_id="a", protocols=subscription("t"))))]
        first = await waiting[0]
        waiting = [
            asyncio.ensure_future(group.join(request(instance_id="b", protocols=subscription("t")))),
            asyncio.ensure_future(
                group.join(request(first.member_id, instance_id="a", protocols=subscription("t")))
            ),
        ]
        second, first = [await one for one in waiting]
        shares = {first.member_id: b"lo de a", second.member_id: b"lo de b"}
        await group.sync(first.member_id, first.generation, shares)
        who, its_share = (first, b"lo de a") if leads else (second, b"lo de b")
        name = "a" if leads else "b"
        back = await group.join(request(instance_id=name, protocols=subscription("t", generation=7)))
        assert (back.error, back.generation) == (ErrorCode.NONE, first.generation)
        assert back.leader != back.member_id
        assert (await group.sync(back.member_id, back.generation, {})).assignment == its_share
        assert await beat(group, who) is ErrorCode.FENCED_INSTANCE_ID
        # Quien siguió no vuelve a entrar: su reparto es el de antes.
        stays, its_share = (second, b"lo de b") if leads else (first, b"lo de a")
        assert (await group.sync(stays.member_id, first.generation, {})).assignment == its_share
        assert group.state is GroupState.STABLE

    run(scenario)


def test_an_instance_that_returns_asking_for_something_else_is_dealt_again() -> None:
    async def scenario(group: Group) -> None:
        first = await group.join(request(instance_id="a", protocols=subscription("t")))
        await group.sync(first.member_id, first.generation, {first.member_id: b"lo suyo"})
        back = await group.join(request(instance_id="a", protocols=subscription("t", "otro")))
        assert back.generation > first.generation
        assert back.leader == back.member_id

    run(scenario)


def test_the_initial_delay_gathers_the_first_members() -> None:
    async def scenario(group: Group) -> None:
        results = await asyncio.gather(group.join(request()), group.join(request()))
        assert [result.generation for result in results] == [1, 1]
        assert len(group.members) == 2

    run(scenario, replace(QUICK, initial_rebalance_delay_s=0.03))


def test_who_may_commit() -> None:
    async def scenario(group: Group) -> None:
        group.check_commit("", -1)
        (member,) = await stable(group)
        group.check_commit(member.member_id, member.generation)
        for member_id, generation, expected in (
            ("", -1, ErrorCode.UNKNOWN_MEMBER_ID),
            (member.member_id, 0, ErrorCode.ILLEGAL_GENERATION),
        ):
            with pytest.raises(KafkaError) as error:
                group.check_commit(member_id, generation)
            assert error.value.code is expected

    run(scenario)


def test_reset_frees_everyone() -> None:
    async def scenario(_: Group) -> None:
        groups = Groups(QUICK)
        (member,) = await stable(groups.find_or_create("g"))
        group = groups.find("g")
        assert group is not None
        held = asyncio.ensure_future(beat(group, member))
        await asyncio.sleep(0)
        groups.reset()
        assert await held is ErrorCode.UNKNOWN_MEMBER_ID
        assert list(groups) == []

    run(scenario)
