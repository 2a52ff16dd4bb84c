#!/usr/bin/env bash
# Runs the conformance table under Wine, in a prefix of its own that is removed afterwards, and writes docs/conformance.md.
# Ends with 1 when a disagreement has no reason on file (a line "wine ..." in its row), or a reason no disagreement.
set -euo pipefail
cd "$(dirname "$0")/.."
wine=$(command -v /usr/lib/wine/wine64 || command -v wine64 || command -v wine || true)
if [ -z "$wine" ]; then
  echo "Wine is missing; on Debian: apt-get install wine64" >&2
  exit 1
fi
work=$(mktemp -d)
export WINEPREFIX="$work/prefix" WINEDEBUG=-all WINEDLLOVERRIDES='winedbg.exe,mscoree,mshtml=d'
server=$(command -v /usr/lib/wine/wineserver64 || command -v wineserver || true)
finish() {
  if [ -n "$server" ]; then "$server" -k >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap finish EXIT
"$wine" wineboot -i >/dev/null 2>&1
NTMM_WINE="$wine" npx vitest run test/conformance/wine.test.ts
