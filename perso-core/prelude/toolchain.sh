#!/usr/bin/env bash
# Brings the compiler that the prelude is built with: Debian's rustc with the sources of the core library, LLVM's linker
# and Binaryen's optimiser, unpacked into target/prelude-toolchain and installed nowhere. The versions are fixed, because
# the prelude's bytes depend on them. Needs apt-get and dpkg (Debian 12, amd64).
set -euo pipefail
cd "$(dirname "$0")/../.."

RUST=1.96.0+dfsg1-1~deb12u2
LLVM=1:22.1.8-1~deb12u1
packages="rustc-web=$RUST libstd-rust-web-1.96=$RUST libstd-rust-web-dev=$RUST rust-web-src=$RUST
    libllvm22=$LLVM lld-22=$LLVM binaryen=108-1"

to=$PWD/target/prelude-toolchain
[ "$(cat "$to/complete" 2>&1)" = "$packages" ] && exit

rm -rf "$to"
mkdir -p "$to/packages" "$to/root"
cd "$to/packages"
# shellcheck disable=SC2086 # It is a list.
apt-get download -qq $packages || { apt-get update -qq && apt-get download -qq $packages; }
for package in *.deb; do
    dpkg -x "$package" "$to/root"
done
rm -r "$to/packages"
echo "$packages" >"$to/complete"
