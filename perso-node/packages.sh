# To be sourced. Installs the npm packages of package-lock.json into node_modules/, and sets `out` to the output folder.
package=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$package/.." && pwd)
out=$root/target/node
mkdir -p "$out"

. "$root/scripts/need.sh"
need "Node 20.19 or later" nodejs node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
need npm npm command -v npm

if ! cmp -s "$package/package-lock.json" "$package/node_modules/.installed-lock.json"; then
    (cd "$package" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    cp "$package/package-lock.json" "$package/node_modules/.installed-lock.json"
fi
