# To be sourced. Creates the environments for tests and benchmarks of the Python package, from requirements/. Sets `out` to their
# folder and `python` to the Python of the newer SDKs. The two lines of the `mcp` SDK cannot share an environment.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
out=$root/target/py
mkdir -p "$out"

. "$root/scripts/need.sh"
need "Python 3.11 or later with venv" python3-venv python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 11)'

for sdk in mcp1 mcp2; do
    requirements=$root/perso-py/requirements/$sdk.txt
    if ! cmp -s "$requirements" "$out/$sdk/requirements.txt"; then
        rm -rf "${out:?}/$sdk"
        python3 -m venv "$out/$sdk"
        "$out/$sdk/bin/pip" install -q --disable-pip-version-check --no-deps -r "$requirements"
        cp "$requirements" "$out/$sdk/requirements.txt"
    fi
done
python=$out/mcp2/bin/python
