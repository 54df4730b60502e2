"""The desk on `mcp` 1.x: desk_mcp1.py stdio | http PORT"""

import sys

from mcp.server.fastmcp import FastMCP

import desk

server = FastMCP("desk", port=int(sys.argv[2]) if len(sys.argv) > 2 else 8000)
for tool in desk.TOOLS:
    server.tool()(tool)


@server.tool()
async def refund_inside(amount: float) -> str:
    """Refunds by way of the other tool."""
    return str(await server.call_tool("process_refund", {"order_id": "inside", "amount": amount}))


desk.POLICY.guard_server(server, agent=lambda ctx: desk.caller(ctx.request), **desk.SETTINGS)

if __name__ == "__main__":
    server.run("streamable-http" if sys.argv[1] == "http" else "stdio")
