"""The desk on fastmcp: desk_fastmcp.py stdio | http PORT"""

import sys
from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_request

import desk


def caller() -> Any:
    try:
        request: Any = get_http_request()
    except RuntimeError:
        request = None
    return desk.caller(request)


# fastmcp masks other errors, but the model reads the denial.
server = FastMCP("desk", middleware=[desk.POLICY.fastmcp(agent=caller, **desk.SETTINGS)], mask_error_details=True)
for tool in desk.TOOLS:
    server.tool(tool)


@server.tool
async def refund_inside(amount: float, ctx: Context) -> str:
    """Refunds by way of the other tool."""
    result = await ctx.fastmcp.call_tool("process_refund", {"order_id": "inside", "amount": amount})
    return str(result.content)


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("http", port=int(sys.argv[2]), show_banner=False)
    else:
        server.run("stdio", show_banner=False)
