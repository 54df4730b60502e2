"""The desk on `mcp` 2: desk_mcp2.py stdio | http PORT"""

import sys

from mcp.server.mcpserver import Context, MCPServer

import desk

server = MCPServer("desk", middleware=[desk.POLICY.mcp(agent=lambda ctx: desk.caller(ctx.request), **desk.SETTINGS)])
for tool in desk.TOOLS:
    server.tool()(tool)


@server.tool()
async def refund_inside(amount: float, ctx: Context) -> str:
    """Refunds by way of the other tool."""
    result = await server.call_tool("process_refund", {"order_id": "inside", "amount": amount}, ctx)
    return str(result.content)


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", port=int(sys.argv[2]))
    else:
        server.run("stdio")
