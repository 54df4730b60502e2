"""`agent` and `resource` functions that never return: calls are denied, threads are limited, and nothing waits for them."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer

from perso import Denied
from perso.guard.threads import MOST_THREADS
from support.done import done
from support.policies import AGENT, DESK, MANAGER


class Hanging:
    """A function that returns only when the test lets it, and that counts its calls."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.gate = threading.Event()
        self.entered = 0
        self.lock = threading.Lock()

    def __call__(self, *told: Any) -> Any:
        with self.lock:
            self.entered += 1
        # It ends with the test, even if the test fails.
        assert self.gate.wait(60)
        return self.answer


@pytest.fixture
def owner() -> Iterator[Hanging]:
    hanging = Hanging({"owner_id": "mgr-001"})
    yield hanging
    hanging.gate.set()


def deleting(**settings: Any) -> Any:
    @DESK.guard(**settings)
    async def delete_record(record_id: str) -> None:
        done.append(record_id)

    return delete_record


async def failure(call: Any) -> str:
    """The reason why a call was denied."""
    with pytest.raises(Denied) as raised:
        await call
    assert isinstance(raised.value.__cause__, TimeoutError)
    return str(raised.value.__cause__)


async def works_again(delete: Any) -> None:
    """Waits for released threads."""
    while True:
        try:
            return await delete("rec-1")
        except Denied as denied:
            assert isinstance(denied.__cause__, TimeoutError)


@pytest.mark.anyio
@pytest.mark.parametrize("slow", ["resource", "agent"])
async def test_threads_of_a_function_that_hangs_are_bounded(owner: Hanging, slow: str) -> None:
    agent = Hanging(MANAGER)
    agent.gate = owner.gate
    if slow == "resource":
        hanging, delete = owner, deleting(agent=MANAGER, resource=owner, resource_time=0.5)
    else:
        hanging, delete = agent, deleting(agent=agent, agent_time=0.5, resource=lambda: owner.answer)
    before = threading.active_count()
    # Repeat, because a busy machine may not start all threads in time.
    while hanging.entered < MOST_THREADS:
        whys = await asyncio.gather(*[failure(delete("rec-1")) for _ in range(200)])
        assert all("did not answer within 0.5 seconds" in why or "is busy" in why for why in whys)
    assert hanging.entered == MOST_THREADS and threading.active_count() - before <= MOST_THREADS
    # From now on, calls fail at once and start no thread.
    for _ in range(200):
        assert await failure(delete("rec-1")) == f"`Hanging` is busy: {MOST_THREADS} calls are still waiting for it"
    assert hanging.entered == MOST_THREADS and threading.active_count() - before <= MOST_THREADS
    # The event loop's own threads are free.
    barrier = threading.Barrier(20)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(anyio.to_thread.run_sync, barrier.wait)
    assert done == []
    hanging.gate.set()
    await works_again(delete)
    await asyncio.gather(*[works_again(delete) for _ in range(199)])
    assert len(done) == 200


@pytest.mark.anyio
async def test_calls_wait_for_a_thread_while_all_are_only_busy() -> None:
    barrier = threading.Barrier(MOST_THREADS)

    def owner(args: Any) -> Any:
        # Exactly as many calls as there are threads run at the same time.
        barrier.wait(60)
        return {"owner_id": "mgr-001"}

    delete = deleting(agent=MANAGER, resource=owner, resource_time=60)
    await asyncio.gather(*[delete("rec-1") for _ in range(3 * MOST_THREADS)])
    assert len(done) == 3 * MOST_THREADS


@pytest.mark.anyio
async def test_calls_that_wait_for_threads_that_are_lost_are_denied(owner: Hanging) -> None:
    """Waiting calls fail when all threads are lost. They do not wait until their own time is over."""
    delete = deleting(agent=MANAGER, resource=owner, resource_time=60)
    first = [asyncio.create_task(delete("rec-1")) for _ in range(MOST_THREADS)]
    while owner.entered < MOST_THREADS:
        await asyncio.sleep(0)
    queued = [asyncio.create_task(failure(delete("rec-1"))) for _ in range(10)]
    await asyncio.sleep(0)
    for task in first:
        task.cancel()
    assert all("is busy" in why for why in await asyncio.gather(*queued))
    owner.gate.set()
    await works_again(delete)
    assert done == ["rec-1"]


def test_threads_that_are_lost_count_in_every_event_loop(owner: Hanging) -> None:
    delete = deleting(agent=MANAGER, resource=owner, resource_time=0.2)

    async def fail() -> list[str]:
        return list(await asyncio.gather(*[failure(delete("rec-1")) for _ in range(50)]))

    before = threading.active_count()
    while owner.entered < MOST_THREADS:
        asyncio.run(fail())
    asyncio.run(fail())
    assert owner.entered == MOST_THREADS and threading.active_count() - before <= MOST_THREADS
    owner.gate.set()
    asyncio.run(works_again(delete))
    assert done == ["rec-1"]


@pytest.mark.anyio
async def test_an_agent_that_never_answers() -> None:
    async def agent() -> Any:
        await asyncio.Event().wait()

    delete = deleting(agent=agent, agent_time=0.01, resource=lambda: {"owner_id": "mgr-001"})
    assert "did not answer within 0.01 seconds" in await failure(delete("rec-1"))
    assert done == []


@pytest.mark.anyio
async def test_an_error_of_the_functions_own_is_told_as_it_is() -> None:
    def owner(args: Any) -> Any:
        raise TimeoutError("the database is away")

    assert await failure(deleting(agent=MANAGER, resource=owner)("rec-1")) == "the database is away"
    assert done == []


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_server_still_runs_other_tools(owner: Hanging, mode: str) -> None:
    server = MCPServer("desk", middleware=[DESK.mcp(agent={**AGENT, "id": "mgr-001", "roles": ["agent", "manager"]})])

    @server.tool()
    @DESK.guard(resource=owner, resource_time=0.05)
    async def delete_record(record_id: str) -> str:
        done.append(record_id)
        return "deleted"

    @server.tool()
    def process_refund(amount: float) -> str:
        done.append(amount)
        return "refunded"

    async with Client(server, mode=mode) as client:
        denied = await asyncio.gather(*[client.call_tool("delete_record", {"record_id": "rec-1"}) for _ in range(100)])
        assert all(result.is_error for result in denied) and owner.entered <= MOST_THREADS
        assert not (await client.call_tool("process_refund", {"amount": 5})).is_error
    assert done == [5]
