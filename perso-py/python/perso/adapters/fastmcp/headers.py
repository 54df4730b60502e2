"""Compares `Mcp-Param-*` headers without revealing hidden tools.

The SDK compares these headers with the arguments before any middleware runs, and its error names the parameters. With a guard
that hides tools, the guard compares them instead, after it has admitted the call.
"""

from __future__ import annotations

from typing import Any

from fastmcp.server import FastMCP
from fastmcp.server.middleware import MiddlewareContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import validate_mcp_param_headers
from mcp_types import CallToolRequestParams
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

schema_of = FastMCP._get_tool_input_schema
"""The schema that the SDK uses for this."""


def compare(server: FastMCP[Any], context: MiddlewareContext[CallToolRequestParams]) -> None:
    """Refuses a call whose headers do not match its arguments, as the SDK does."""
    request = None if context.fastmcp_context is None else context.fastmcp_context.request_context
    if request is None or request._srctx.request is None or request._srctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return
    params = request._srctx.params or {}
    schema = schema_of(server, context.message.name)
    if schema is None:
        return
    rejection = validate_mcp_param_headers(schema, params.get("arguments") or {}, request._srctx.request.headers)
    if rejection is not None:
        raise MCPError(code=rejection.code, message=rejection.message)
