#!/usr/bin/env bash
# Tests the examples with third-party MCP clients. Installs missing tools as root on Debian; otherwise names the first one and
# fails.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../../.. && pwd)
out=$root/target/clients
examples=$root/target/checked/examples
mkdir -p "$out"

wants="the clients"
. "$root/scripts/need.sh"
need "Node 20 or later" nodejs node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)'
need npm npm command -v npm
need "Python 3.10 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 10)'
need git git git --version

# The 1.x and 2.x lines of `mcp` cannot be installed together. Each comes with the servers that use it.
for line in "" -v1; do
    cmp -s "requirements$line.txt" "$out/venv$line/requirements.txt" && continue
    rm -rf "$out/venv$line"
    python3 -m venv "$out/venv$line"
    "$out/venv$line/bin/pip" install -q --disable-pip-version-check -r "requirements$line.txt"
    cp "requirements$line.txt" "$out/venv$line/requirements.txt"
done
if ! cmp -s package-lock.json "$out/node_modules/package-lock.json"; then
    cp package.json package-lock.json "$out/"
    (cd "$out" && npm ci --no-audit --no-fund --ignore-scripts)
    cp package-lock.json "$out/node_modules/"
fi
# Node looks for modules next to the script.
cp -r scenes.mjs typescript.mjs typescript-v1.mjs conformance "$out/"

# Build the whole workspace, to share the build with `make test`.
cargo build -q --locked --profile checked --workspace --bins --examples --manifest-path "$root/Cargo.toml"
perso=$root/target/checked/perso
"$perso" compile "$root/policies/support-desk.json" -o "$out/support-desk.wasm"
"$perso" compile everything.json -o "$out/everything.wasm"
# Keep the server's log out of the output.
printf '#!/bin/sh\nexec "%s" "$@" 2>> "%s"\n' "$examples/support_desk_stdio" "$out/log" > "$out/desk"
chmod +x "$out/desk"
export DESK_STDIO=$out/desk DESK_MODULE=$out/support-desk.wasm

export DESK_SECRET=not-a-secret-but-32-bytes-at-least
token() {
    "$out/venv/bin/python" - "$@" << 'PY'
import os, sys, time, jwt
sub, mfa, *roles = sys.argv[1:]
claims = {"sub": sub, "mfa_verified": mfa == "mfa", "roles": roles, "exp": int(time.time()) + 3600}
print(jwt.encode(claims, os.environ["DESK_SECRET"], "HS256"))
PY
}
AGENT=$(token agt-099 - agent) MANAGER=$(token mgr-001 - manager) VERIFIED=$(token agt-099 mfa agent)
export AGENT MANAGER VERIFIED

servers=()
trap '[ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2> /dev/null || true' EXIT

# serve COMMAND...: starts a server and sets `url` to the first line that it prints.
serve() {
    local said=$out/said
    : > "$said"
    "$@" > "$said" 2> "$out/log" &
    servers+=($!)
    for _ in $(seq 200); do
        url=$(head -n 1 "$said")
        [ -n "$url" ] && return
        sleep 0.05
    done
    echo "$1 does not start:" >&2
    cat "$out/log" >&2
    exit 1
}

stop() {
    kill "${servers[@]}"
    wait "${servers[@]}" 2> /dev/null || true
    servers=()
}

# everything TRANSPORT: starts server-everything on a free port, waits for it and sets `upstream`.
everything() {
    local port
    port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
    PORT=$port node "$out/node_modules/@modelcontextprotocol/server-everything/dist/index.js" "$1" > "$out/everything.log" 2>&1 &
    servers+=($!)
    for _ in $(seq 200); do
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && { upstream=http://127.0.0.1:$port; return; }
        sleep 0.05
    done
    echo "server-everything does not start:" >&2
    cat "$out/everything.log" >&2
    exit 1
}

export OUT=$out GATEWAY=$root/target/checked/perso-gateway LOG=$out/log

# The desk again, behind a gateway that knows who calls. The desk itself lets everybody do everything.
echo '{ "perso": 1, "default": "allow", "rules": [] }' > "$out/open.json"
"$perso" compile "$out/open.json" -o "$out/open.wasm" 2> "$out/log"
cat > "$out/desk.mcp.json" << JSON
{ "mcpServers": { "desk": { "command": "$examples/support_desk_stdio", "args": ["$out/open.wasm", "mgr-001", "manager"] } } }
JSON
cat > "$out/behind-gateway" << SH
#!/bin/sh
module=\$1 user=\$2 role=\$3
exec "$GATEWAY" --policy "\$module" --servers "$out/desk.mcp.json" --user "\$user" --role "\$role" 2>> "$out/log"
SH
chmod +x "$out/behind-gateway"

# And behind one that lets the client ask the person in front of it.
cat > "$out/asks.json" << 'JSON'
{ "perso": 1, "rules": [
    { "id": "look", "allow": "view_customer" },
    { "id": "large", "ask": "process_refund", "when": { "args.amount": { "gt": 500 } }, "reason": "Refunds over $500 are reviewed." }
] }
JSON
asks=("$GATEWAY" --policy "$out/asks.json" --servers "$out/desk.mcp.json" --elicit)
printf '#!/bin/sh\nexec %s 2>> "%s"\n' "$(printf '"%s" ' "${asks[@]}")" "$out/log" > "$out/asking"
chmod +x "$out/asking"

# gateway POLICY SERVER: a gateway in front of one server, an entry of `mcpServers`.
gateway() {
    echo "{ \"mcpServers\": { \"everything\": $2 } }" > "$out/everything.mcp.json"
    serve "$GATEWAY" --policy "$out/$1.wasm" --servers "$out/everything.mcp.json" --listen 127.0.0.1:0 \
        --user agt-099 --role agent
}

failed=0
# play CLIENT SCENE [ARGUMENT...]: runs a scene with a client.
play() {
    local client=$1
    shift
    case $client in
        rmcp) set -- "$examples/rmcp_client" "$@" ;;
        python | python-v1) set -- "$out/venv${client#python}/bin/python" -B "$client.py" "$@" ;;
        *) set -- node "$out/$client.mjs" "$@" ;;
    esac
    timeout 120 "$@" || failed=1
}

echo "Node $(node --version), $(python3 --version), $(cat requirements*.txt | tr '\n' ' ')" \
    "$(sed -n 's/ *"\(@model[^"]*\)": "\([^"]*\)",\{0,1\}/\1 \2/p' package.json | tr '\n' ' ')"
for client in rmcp python python-v1 typescript typescript-v1; do
    for era in legacy modern; do
        # The 1.x lines support only the legacy era.
        case $client-$era in *-v1-modern) continue ;; esac
        serve "$examples/support_desk" "$DESK_MODULE" 127.0.0.1:0
        play "$client" desk "$era" "$url"
        stop
        play "$client" stdio "$era"
        DESK_STDIO=$out/behind-gateway play "$client" gateway "$era"
        # What rmcp's client does is in the gateway's tests.
        if [ "$client" != rmcp ]; then
            DESK_STDIO=$out/asking play "$client" person "$era"
            serve "${asks[@]}" --listen 127.0.0.1:0
            play "$client" person-http "$era" "$url"
            stop
        fi
        case $client in python*)
            play "$client" several "$era"
            play "$client" several-http "$era"
            ;;
        esac
    done

    everything streamableHttp
    serve "$examples/reverse_proxy" "$out/everything.wasm" "$upstream" 127.0.0.1:0
    play "$client" everything legacy "$url/mcp"
    stop

    everything streamableHttp
    gateway everything "{ \"url\": \"$upstream/mcp\" }"
    play "$client" gateway-http legacy "$url"
    stop
    gateway everything "{ \"command\": \"node\", \"args\": [\"$out/node_modules/@modelcontextprotocol/server-everything/dist/index.js\", \"stdio\"] }"
    play "$client" gateway-http legacy "$url"
    stop

    # rmcp's client and the 2.x line of the TypeScript SDK do not support the older transport.
    case $client in python* | typescript-v1)
        everything sse
        serve "$examples/reverse_proxy" "$out/everything.wasm" "$upstream" 127.0.0.1:0
        play "$client" everything sse "$url/sse"
        stop
        ;;
    esac
done

# What the conformance suite finds in a server, it must find through the gateway too.
serve node "$out/conformance/server.mjs"
server=$url
gateway open "{ \"url\": \"$server\" }"
over_http=$url
gateway open "{ \"command\": \"node\", \"args\": [\"$out/conformance/server.mjs\", \"stdio\"] }"
timeout 600 node "$out/conformance/compare.mjs" "$server" "$over_http" "$url" || failed=1
stop
exit $failed
