# Sourced by the scripts called oracle: installs what they pin, once, into
# .tools/oracles. The folder of a tool carries the digest of what was pinned, so
# that another version is installed anew; a registry that refuses a package
# fails the script, with the package's name.
# shellcheck shell=bash
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# install FILE COMMAND…: the folder of what FILE pins; COMMAND fills it, which
# is its last argument.
install_once() {
  local file=$1 name digest dir
  shift
  name=$(basename "$(dirname "$file")")/$(basename "$file")
  digest=$(sha256sum "$file" | cut -c1-16)
  dir=$root/.tools/oracles/$name/$digest
  mkdir -p "$root/.tools/oracles/$name"
  (
    flock 9
    if [[ ! -e $dir/.whole ]]; then
      find "$root/.tools/oracles/$name" -mindepth 1 -maxdepth 1 -type d -exec rm -rf {} +
      echo "installing what $name pins" >&2
      "$@" "$file" "$dir" >&2 || { echo "$name: a tool could not be installed" >&2; exit 1; }
      touch "$dir/.whole"
    fi
  ) 9>"$root/.tools/oracles/$name/lock" || return 1
  echo "$dir"
}

# python FILE: the bin folder of a virtual environment with what FILE, a complete
# list as pip freeze prints it, names.
python() {
  local dir
  dir=$(install_once "$1" python_install) || return 1
  echo "$dir/bin"
}
python_install() {
  python3 -m venv "$2" && "$2/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$1"
}

# node FILE: the folder that holds node_modules, of a package-lock.json beside
# its package.json.
node_modules() { install_once "$1" node_install; }
node_install() {
  mkdir -p "$2" && cp "$1" "$(dirname "$1")/package.json" "$2" &&
    (cd "$2" && npm ci --silent --ignore-scripts --no-audit --no-fund)
}

# jars FILE: the folder of the jars that a pom.xml depends on.
jars() { install_once "$1" jars_install; }
jars_install() { mvn --quiet --batch-mode --no-transfer-progress --file "$1" dependency:copy-dependencies -DoutputDirectory="$2"; }
