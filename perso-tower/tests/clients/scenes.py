"""The scenes, for the 1.x and 2.x lines of Python's `mcp`."""

import asyncio
import json
import os
import sys

import several

passed = failed = 0


def check(what, seen, expected):
    global passed, failed
    if seen == expected:
        passed += 1
    else:
        failed += 1
        print(f"{what}: {seen!r}, not {expected!r}", file=sys.stderr)


asked = []
"""What the person at the client was asked to approve."""


def approves(message):
    """What the person at the client says: they approve refunds of $600."""
    asked.append(message)
    return '"amount":600' in message


async def view(client):
    return json.loads((await client.call("view_customer"))[1])


async def agent(client):
    check("tools of an agent", await client.tools(), ["process_refund", "send_email", "view_customer"])
    check("a small refund", await client.call("process_refund", order_id="1", amount=100), (True, "refunded $100 for 1"))
    before = await view(client)
    check("a large refund", await client.call("process_refund", order_id="1", amount=800), (False, "Agents may refund up to $500."))
    check("a mail", await client.call("send_email", to=["a@acme.com", "b@evil.example"], text="x"),
          (False, "Agents may write to addresses at acme.com."))
    check("a hidden tool", await client.call("delete_record", record_id="rec-1"), (False, "Managers may delete records they own."))
    check("another one", await client.call("access_pii"), (False, "Verify MFA before opening personal data."))
    check("what was done", await view(client), before)
    check("what was refunded", before["refunded"], 100)


async def manager(client):
    check("tools of a manager", "delete_record" in await client.tools(), True)
    check("somebody else's record", await client.call("delete_record", record_id="rec-2"),
          (False, "Managers may delete records they own."))
    check("one's own record", await client.call("delete_record", record_id="rec-1"), (True, "deleted rec-1"))
    check("the records", (await view(client))["records"], ["rec-2"])


async def verified(client):
    check("tools with MFA", "access_pii" in await client.tools(), True)
    check("personal data", await client.call("access_pii"), (True, "born 1 January 1970"))


async def person(client):
    refund = lambda amount: client.call("process_refund", order_id="1", amount=amount)
    check("a refund that is approved", await refund(600), (True, "refunded $600 for 1"))
    check("one that is not", await refund(601),
          (False, "Refunds over $500 are reviewed. Hint: a person has denied this call: do not repeat it."))
    check("what the person was asked", [message.split("\n\n")[0] for message in asked], ["Refunds over $500 are reviewed."] * 2)
    check("what was refunded", (await view(client))["refunded"], 600)


async def everything(client):
    check("tools", await client.tools(), ["echo", "get-sum", "gzip-file-as-resource", "simulate-research-query"])
    check("echo", await client.call("echo", message="hello"), (True, "Echo: hello"))
    check("a small sum", (await client.call("get-sum", a=1, b=2))[0], True)
    check("a large sum", await client.call("get-sum", a=1, b=200), (False, "Agents may add numbers up to 100."))
    check("a text", (await client.call("gzip-file-as-resource", name="a.txt.gz", data="data:,a"))[0], True)
    check("no text", await client.call("gzip-file-as-resource", name="b.exe.gz", data="data:,b"), (False, "Agents may pack texts."))
    check("what was packed", [uri for uri in await client.resources() if uri.endswith(".gz")], ["demo://resource/session/a.txt.gz"])
    check("a hidden tool", (await client.call("get-env"))[0], False)


async def play(over_http, over_stdio, scene, era, url=None):
    http = lambda token: over_http(era, url, os.environ[token])
    stdio = lambda *agent: over_stdio(era, os.environ["DESK_STDIO"], [os.environ["DESK_MODULE"], *agent])
    scenes = {
        "desk": lambda: [(http("AGENT"), agent), (http("MANAGER"), manager), (http("VERIFIED"), verified)],
        "stdio": lambda: [(stdio("agt-099", "agent"), agent), (stdio("mgr-001", "manager"), manager)],
        "gateway": lambda: [(stdio("agt-099", "agent"), agent)],
        "person": lambda: [(stdio("agt-099", "agent"), person)],
        "person-http": lambda: [(http("AGENT"), person)],
        "gateway-http": lambda: [(http("AGENT"), everything)],
        "everything": lambda: [(http("AGENT"), everything)],
        "several": lambda: [(several.over_stdio(era, over_stdio), several.play)],
        "several-http": lambda: [(several.over_http(era, over_http), several.play)],
    }
    for connection, act in scenes[scene]():
        async with connection as client:
            await act(client)


def run(name, over_http, over_stdio, scene, era, *rest):
    """Runs a scene with a client: `over_http` and `over_stdio` connect it. Prints how it went, and exits."""
    asyncio.run(play(over_http, over_stdio, scene, era, *rest))
    print(f"{name}, {scene}, {era}: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)
