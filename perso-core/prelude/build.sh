#!/usr/bin/env bash
# Builds the prelude, whole, plain and lean, into a folder: `build.sh [FOLDER]`, by default perso-core/prelude, where they are
# checked in. The core library is built along, so that nothing in it is larger than it must be.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-perso-core/prelude}

perso-core/prelude/toolchain.sh
root=$PWD/target/prelude-toolchain/root
library=$(echo "$root"/usr/src/rustc-*/library)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# RUSTC_BOOTSTRAP: building the core library, and panics that are nothing but a trap, are not stable yet.
rustc() {
    LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu RUSTC_BOOTSTRAP=1 "$root/usr/bin/rustc" \
        --target wasm32-unknown-unknown --cap-lints allow -Zunstable-options -Cpanic=immediate-abort \
        -Copt-level=z -Cllvm-args=-inline-threshold=25 -Ccodegen-units=1 -Cembed-bitcode=yes "$@"
}

sysroot=$work/lib/rustlib/wasm32-unknown-unknown/lib
mkdir -p "$sysroot"
rustc --crate-name core --edition 2024 --crate-type rlib -Zforce-unstable-if-unmarked --out-dir "$sysroot" \
    "$library/core/src/lib.rs"
rustc --crate-name compiler_builtins --edition 2024 --crate-type rlib -Zforce-unstable-if-unmarked --out-dir "$sysroot" \
    --cfg 'feature="compiler-builtins"' --cfg 'feature="mem"' --cfg 'feature="arch"' \
    --extern "core=$sysroot/libcore.rlib" "$library/compiler-builtins/compiler-builtins/src/lib.rs"

# `prelude FILE [OPTION ...]`
prelude() {
    local file=$1
    shift
    rustc --crate-name perso_decode --edition 2021 --crate-type rlib --sysroot "$work" --out-dir "$work" "$@" \
        perso-core/decode/src/lib.rs
    # The stack comes first, so that one that overflows leaves the memory, which is a trap.
    rustc --crate-name prelude --edition 2021 --crate-type cdylib --sysroot "$work" -Clto=fat -Cstrip=symbols "$@" \
        --extern "perso_decode=$work/libperso_decode.rlib" -Clinker="$root/usr/lib/llvm-22/bin/wasm-ld" \
        -Clink-arg=--stack-first -Clink-arg=-zstack-size=16384 -Clink-arg=--export=__heap_base \
        -o "$work/prelude.wasm" perso-core/prelude/src/lib.rs
    # Nothing is below address 1024 but the end of the stack, so that offsets never wrap around: `--low-memory-unused`.
    LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu "$root/usr/bin/wasm-opt" -Oz --flatten --rereloop -Oz -Oz --converge \
        --low-memory-unused --enable-bulk-memory --enable-sign-ext --enable-mutable-globals --enable-nontrapping-float-to-int \
        "$work/prelude.wasm" -o "$file"
}

prelude "$out/prelude.wasm"
prelude "$out/plain.wasm" --cfg plain_prelude
prelude "$out/lean.wasm" --cfg plain_prelude --cfg lean_prelude

# What it was built from: a test holds the checked-in prelude against this where the compiler is not there.
if [ "$#" = 0 ]; then
    sha256sum perso-core/prelude/{build,toolchain}.sh perso-core/prelude/src/*.rs perso-core/decode/src/*.rs \
        perso-core/decode/src/{facet,facet/fold,facet/shell,facet/sql,frame}/*.rs perso-core/prelude/*.wasm > perso-core/prelude/prelude.sha256
fi
