# need WHAT PACKAGE CHECK...: the check succeeds, or does so once Debian's package is installed. To be sourced; `wants` says
# for what it is needed.
need() {
    local what=$1 package=$2
    shift 2
    "$@" > /dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package"
        "$@" > /dev/null 2>&1 && return
    fi
    echo "$wants need $what: install it (Debian's package is $package)" >&2
    exit 1
}
