#!/usr/bin/env bash
# Runs the conformance table under Wine, in a prefix of its own that is removed afterwards, and writes docs/conformance.md.
# Ends with 1 when a disagreement has no reason on file (a line "wine ..." in its row), or a reason no disagreement.
set -euo pipefail
source "$(dirname "$0")/wine-prefix.sh"
cd "$(dirname "$0")/.."
NTMM_WINE="$wine" npx vitest run test/conformance/wine.test.ts
