#!/usr/bin/env bash
# Brings the compiler that the prelude is built with: Debian's rustc with the sources of the core library, and LLVM's
# linker, unpacked into target/prelude-toolchain and installed nowhere. The versions are fixed, because the prelude's
# bytes depend on them. Needs apt-get and dpkg (Debian 12, amd64).
set -euo pipefail
cd "$(dirname "$0")/../.."

to=$PWD/target/prelude-toolchain
[ -e "$to/complete" ] && exit

RUST=1.96.0+dfsg1-1~deb12u2
LLVM=1:22.1.8-1~deb12u1
rm -rf "$to"
mkdir -p "$to/packages" "$to/root"
cd "$to/packages"
apt-get download -qq \
    "rustc-web=$RUST" "libstd-rust-web-1.96=$RUST" "libstd-rust-web-dev=$RUST" "rust-web-src=$RUST" \
    "libllvm22=$LLVM" "lld-22=$LLVM"
for package in *.deb; do
    dpkg -x "$package" "$to/root"
done
rm -r "$to/packages"
touch "$to/complete"
