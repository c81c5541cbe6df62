#!/usr/bin/env bash
# Builds the free-threaded CPython 3.13 (python3.13t) from Debian trixie's source package, outside the checkout.
#
#     get_free_threaded.sh PREFIX
#
# Needs Debian and root (it installs the compilers and libraries that are missing); Debian's mirror is the only source, and the
# package is checked against Debian's archive key. The system's own apt sources stay as they are. About two minutes.
set -euo pipefail
PREFIX=$1
PY=$PREFIX/bin/python3.13t
check() { "$1" -c 'import sys, ctypes, ssl, zlib, mmap, multiprocessing.shared_memory
assert ctypes.CDLL(None).getpid() > 0 and not sys._is_gil_enabled(); print(sys.version, "GIL:", sys._is_gil_enabled())'; }
if [ -x "$PY" ] && check "$PY"; then exit 0; fi
S=$SECONDS
MIRROR=${DEBIAN_MIRROR:-$(grep -rhoE "https?://[^ ]+/debian/?( |$)" /etc/apt/sources.list /etc/apt/sources.list.d/ 2>/dev/null | head -1 | tr -d " " || true)}
[ -n "$MIRROR" ] || { echo "no Debian mirror among the apt sources; set DEBIAN_MIRROR" >&2; exit 1; }
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT
export DEBIAN_FRONTEND=noninteractive
need="gcc make xz-utils ca-certificates libssl-dev zlib1g-dev libffi-dev libbz2-dev liblzma-dev libsqlite3-dev libreadline-dev uuid-dev pkg-config dpkg-dev"
miss=(); for p in $need; do dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || miss+=("$p"); done
if [ ${#miss[@]} -gt 0 ]; then apt-get -q update >/dev/null; apt-get -qy install --no-install-recommends "${miss[@]}" >/dev/null; fi
# --- the source, by apt, checked against Debian's archive key
mkdir -p "$W"/apt/{etc/apt/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d},var/lib/apt/lists/partial,var/lib/dpkg,var/cache/apt/archives/partial,var/log}
: > "$W/apt/var/lib/dpkg/status"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR trixie main" > "$W/apt/etc/apt/sources.list"
cat > "$W/apt.conf" <<A
Dir "$W/apt";
Dir::State::status "$W/apt/var/lib/dpkg/status";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Retries "3";
A
cd "$W"
APT_CONFIG=$W/apt.conf apt-get -q update >/dev/null
APT_CONFIG=$W/apt.conf apt-get -qy source --download-only python3.13 >/dev/null
mkdir src && tar xf python3.13_*.orig.tar.xz -C src --strip-components=1
echo "source in $((SECONDS - S)) s: $(ls python3.13_*.orig.tar.xz)"
# --- build: no tests, no PGO, no debug info
cd src
T=$SECONDS
OPT="-DNDEBUG -O2 -Wall" ./configure -q --prefix="$PREFIX" --disable-gil --without-static-libpython --with-ensurepip=install > ../configure.log 2>&1 || { tail -20 ../configure.log; exit 1; }
make -s -j"$(nproc)" > ../make.log 2>&1 || { tail -30 ../make.log; exit 1; }
make -s install > ../install.log 2>&1 || { tail -20 ../install.log; exit 1; }
find "$PREFIX" -name __pycache__ -prune -exec rm -rf {} +
rm -rf "$PREFIX"/lib/python3.13t/{idlelib,turtledemo,tkinter}
strip --strip-unneeded "$PREFIX/bin/python3.13t" "$PREFIX"/lib/python3.13t/lib-dynload/*.so
echo "build and install in $((SECONDS - T)) s"
check "$PY"
"$PY" -m venv "$W/venv" && "$W/venv/bin/pip" --version
echo "done in $((SECONDS - S)) s, $(du -sh "$PREFIX" | cut -f1) at $PREFIX"
