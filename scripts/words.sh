#!/usr/bin/env bash
# Checks the spelling of every file, and that the documentation and the messages of the compiler keep to the project's
# words. `_typos.toml` lists the exceptions. Installs what is missing where it can, and says what is missing where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."

wants="the checks of spelling and words"
. scripts/tool.sh
tool typos 1.52.0

failed=0
"$tool" || failed=1

# What is read by users and contributors: documentation, sources with their comments, and recorded messages.
texts=('*.md' Makefile perso-core/src perso-core/decode/src perso-core/ledger/src perso-core/prelude/src perso-tower/src perso-py/src perso-py/python
    perso-node/native perso-node/ts perso-node/host 'perso-core/tests/cli/*.txt' 'perso-core/tests/diagnostics/*.stderr')

# avoid REGEX INSTEAD: none of them has words that match.
avoid() {
    local found
    found=$(git grep -nwiE "$1" -- "${texts[@]}") || return 0
    printf '%s\n' "$found" | sed "s/$/  <- write: $2/" >&2
    failed=1
}
avoid "can not|can't" "cannot"
avoid "first perso" "legacy policy"
avoid "today's form" "the current form"
avoid "in force" "active"
avoid "mend|mends|mended" "fix"
avoid "named twice|listed twice" "duplicate"
avoid "known here" "expected one of"
avoid "stands? twice" "is a duplicate"
avoid "if not said otherwise" "by default"
avoid "says nothing" "is empty"
avoid "heeds?" "follows"
exit $failed
