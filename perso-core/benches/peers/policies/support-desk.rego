package desk

import rego.v1

default allow := false

allow if {
	input.tool in {"view_customer", "update_customer"}
	is_agent
}

allow if {
	input.tool == "process_refund"
	is_agent
	input.args.amount > 0
	input.args.amount <= 500
}

allow if {
	input.tool == "delete_record"
	is_manager
	input.resource.owner_id == input.agent.id
}

allow if {
	input.tool == "send_email"
	is_agent
	count(input.args.to) > 0
	every address in input.args.to {
		is_inside(address)
	}
}

allow if {
	input.tool == "access_pii"
	is_agent
	input.agent.mfa_verified == true
}

is_agent if {
	some role in input.agent.roles
	role in {"agent", "manager", "admin"}
}

is_manager if {
	some role in input.agent.roles
	role in {"manager", "admin"}
}

is_inside(address) if {
	parts := split(address, "@")
	count(parts) == 2
	parts[0] != ""
	lower(parts[1]) == "acme.com"
}
