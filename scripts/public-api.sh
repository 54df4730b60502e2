#!/usr/bin/env bash
# Compares the public API of the crates with `public-api.txt` in each crate's folder, and fails where they differ.
# `BLESS=1 scripts/public-api.sh` records the API as it is: read the diff, because users have to follow it.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/target/public-api
mkdir -p "$out"

# rustdoc's JSON output is unstable. This wrapper enables it for rustdoc alone, so everything else is built as usual.
printf '#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n' > "$out/rustdoc"
chmod +x "$out/rustdoc"

failed=0
check() {
    local crate=$1 folder=$2; shift 2
    RUSTDOC=$out/rustdoc cargo rustdoc -q --locked --lib -p "$crate" "$@" \
        -- -Z unstable-options --output-format json --cap-lints allow
    cargo run -q --locked --profile checked -p perso-core --example public_api -- "target/doc/${crate//-/_}.json" > "$out/$crate.txt"
    if [ -n "${BLESS:-}" ]; then
        cp "$out/$crate.txt" "$folder/public-api.txt"
    elif ! diff -u "$folder/public-api.txt" "$out/$crate.txt"; then
        echo "the public API of $crate has changed; if that is meant, run BLESS=1 scripts/public-api.sh" >&2
        failed=1
    fi
}
check perso-core perso-core --features journal,ledger,release
check perso-ledger perso-core/ledger --features file,valkey
check perso-journal perso-core/journal
check perso-signing perso-core/signing
check perso-tower perso-tower --features journal,tower-mcp,watch
exit $failed
