#!/usr/bin/env bash
# Fuzzes each target, or those named, for FUZZ_SECONDS on every core, and tells what was run. Fails if one finds something.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD

version=0.13.2
seconds=${FUZZ_SECONDS:-60}
cores=$(nproc)
targets=("$@")
[ $# -gt 0 ] || targets=(policy call module agreement shells)

# The one target that is not libFuzzer's: a test that runs random lines in shells, PERSO_LINES or what the seconds allow.
shells() {
    local lines=${PERSO_LINES:-$((seconds * 100))} seed=${PERSO_SEED:-$SRANDOM} start=$SECONDS
    # The test by itself runs 2000.
    if [ "$lines" -lt 2000 ]; then
        echo "shells: not run, as the tests run more than $lines lines"
        return
    fi
    mkdir -p logs/shells
    if ! PERSO_LINES=$lines PERSO_SEED=$seed cargo test --locked --profile checked --manifest-path ../Cargo.toml \
        --test shell_lines shells_run_only_what_is_read -- --nocapture > logs/shells/run.txt 2>&1; then
        cat logs/shells/run.txt >&2
        echo "shells: found something; CONTRIBUTING.md says what to do with it" >&2
        exit 1
    fi
    echo "shells: $(grep 'programs ran of' logs/shells/run.txt), in $((SECONDS - start)) s from seed $seed"
}

if [ "${targets[*]}" = shells ]; then
    shells
    exit
fi

command -v c++ > /dev/null || { echo "c++ is not installed; libFuzzer is built with it" >&2; exit 1; }
if [ "$(cargo fuzz --version 2> /dev/null)" != "cargo-fuzz $version" ]; then
    cargo install --debug --locked cargo-fuzz --version "$version"
fi

# No sanitizer: there is no `unsafe` that it could watch, and without one the stable compiler does. Of comparisons the
# dictionaries know what matters, and tracing them costs half of the speed.
options=(--fuzz-dir "$here" -O --sanitizer none --no-trace-compares --codegen-units 16)
start=$SECONDS
cargo fuzz build "${options[@]}"
echo "built in $((SECONDS - start)) s"

for target in "${targets[@]}"; do
    if [ "$target" = shells ]; then
        shells
        continue
    fi
    mkdir -p "corpus/$target" "logs/$target"
    rm -f "logs/$target"/*.log
    flags=(-max_total_time="$seconds" -timeout=30 -print_final_stats=1 -jobs="$cores" -workers="$cores")
    case $target in
        # What the input begins goes on by itself: longer ones say no more. Weighing inputs by how rare what they reach is
        # takes longer than to judge the pairs.
        agreement) flags+=(-max_len=256 -entropic=0) ;;
        module) flags+=(-max_len=131072 -len_control=0) ;;
        *) flags+=(-max_len=8192) ;;
    esac
    if [ -f "$target.dict" ]; then flags+=(-dict="$here/$target.dict"); fi
    # Each job writes its log where it runs.
    if ! (cd "logs/$target" && cargo fuzz run "${options[@]}" "$target" \
        "$here/corpus/$target" "$here/seeds/$target" -- "${flags[@]}" > run.txt 2>&1); then
        cat "logs/$target/run.txt" >&2
        echo "$target: found something; CONTRIBUTING.md says what to do with it" >&2
        exit 1
    fi
    awk -v target="$target" -v cores="$cores" -v seconds="$seconds" '
        /^stat::number_of_executed_units:/ { runs += $2 }
        /pairs without a difference$/ { pairs[FILENAME] = $1 }
        END {
            for (log_file in pairs) total += pairs[log_file]
            printf "%s: %d runs in %d s on %d cores%s\n", target, runs, seconds, cores,
                total ? ", " total " pairs without a difference" : ""
            if (!runs) exit 1
        }' "logs/$target"/fuzz-*.log
done
