"""The names under which a server offers the tools of mounted servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastmcp.server import FastMCP
from fastmcp.server.providers.aggregate import AggregateProvider
from fastmcp.server.providers.base import Provider
from fastmcp.server.providers.fastmcp_provider import FastMCPProvider, FastMCPProviderTool
from fastmcp.server.providers.wrapped_provider import _WrappedProvider
from fastmcp.server.transforms import Transform
from fastmcp.tools.base import Tool
from fastmcp.tools.tool_transform import TransformedTool


def is_mounted(provider: Provider, server: FastMCP[Any], path: Sequence[Provider] = ()) -> bool:
    """Whether a server is mounted there, directly or through other servers. `path` is the search so far."""
    if provider in path:
        return False
    path = (*path, provider)
    if isinstance(provider, FastMCPProvider):
        return provider.server is server or is_mounted(provider.server, server, path)
    if isinstance(provider, _WrappedProvider):
        return is_mounted(provider._inner, server, path)
    return isinstance(provider, AggregateProvider) and any(is_mounted(inner, server, path) for inner in provider.providers)


async def names_of(outer: FastMCP[Any], server: FastMCP[Any], tools: Sequence[Tool]) -> dict[str, list[str]] | None:
    """The names under which `outer` offers these tools of a mounted server, for each of the tools' own names. `None` if the
    server is not mounted on `outer`.

    A name whose tool takes different arguments is left out, because the call cannot be judged by it.
    """
    found = await _offered(outer, server, tools, ())
    if found is None:
        return None
    names: dict[str, list[str]] = {tool.name: [] for tool in tools}
    for tool, mounted in found:
        if _takes_the_same(mounted) and mounted.name not in names[tool]:
            names[tool].append(mounted.name)
    return names


Offer = tuple[str, Tool]
"""A tool's own name, and the tool under which an outer provider offers it."""


async def _offered(
    provider: Provider, server: FastMCP[Any], tools: Sequence[Tool], path: Sequence[Provider]
) -> list[Offer] | None:
    """The tools under which a provider offers these."""
    if provider in path:
        return None
    path = (*path, provider)
    found: list[Offer] | None = None
    if isinstance(provider, FastMCPProvider):
        if provider.server is server:
            found = [(tool.name, FastMCPProviderTool.wrap(server, tool)) for tool in tools]
        else:
            below = await _offered(provider.server, server, tools, path)
            if below is not None:
                middle = provider.server
                found = [(name, FastMCPProviderTool.wrap(middle, tool)) for name, tool in below if _takes_the_same(tool)]
    elif isinstance(provider, _WrappedProvider):
        found = await _offered(provider._inner, server, tools, path)
    elif isinstance(provider, AggregateProvider):
        for inner in provider.providers:
            more = await _offered(inner, server, tools, path)
            if more is not None:
                found = [*(found or ()), *more]
    if found:
        for transform in provider.transforms:
            found = await _through(transform, found)
    return found


async def _through(transform: Transform, offers: list[Offer]) -> list[Offer]:
    """Applies a transform. Drops tools that can neither be listed nor called after it."""
    listed = [(_origin(tool), tool) for tool in await transform.list_tools([tool for _, tool in offers])]
    found: list[Offer] = []
    for name, tool in offers:
        origin = _origin(tool)
        out = [one for other, one in listed if other == origin]
        # Some transforms, such as a search, hide tools from the list that can still be called.
        called = None if out else await transform.get_tool(tool.name, _only(tool))
        if called is not None and _origin(called) == origin:
            out = [called]
        found.extend((name, one) for one in out)
    return found


def _only(tool: Tool) -> Any:
    """A lookup that finds only this tool."""

    async def lookup(name: str, *, version: Any = None) -> Tool | None:
        return tool if name == tool.name else None

    return lookup


def _origin(tool: Tool) -> tuple[int, str | None] | None:
    """Identifies the mounted server's tool that a tool was made from."""
    while isinstance(tool, TransformedTool):
        tool = tool.parent_tool
    return (id(tool._server), tool._original_name) if isinstance(tool, FastMCPProviderTool) else None


def _takes_the_same(tool: Tool) -> bool:
    """Whether a tool takes the arguments of the one that it was made from."""
    while isinstance(tool, TransformedTool):
        if tool.transform_args or tool.fn is not tool.forwarding_fn:
            return False
        tool = tool.parent_tool
    return True
