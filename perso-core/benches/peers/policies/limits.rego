package tools

import rego.v1

default allow := false

# Limits are data, looked up by tool.
allow if {
	limit := data.limits[input.tool]
	"agent" in input.agent.roles
	input.args.amount > 0
	input.args.amount <= limit.most
	input.args.currency in limit.currencies
}
