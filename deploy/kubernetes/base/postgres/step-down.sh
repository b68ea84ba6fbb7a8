#!/bin/sh
# Before a primary is stopped: hands over to a standby, which costs clients a second in place of the
# time until its death is noticed. A standby, or one alone, just stops.
set -eu
curl -fsS -m 5 http://localhost:8008/primary >/dev/null 2>&1 || exit 0
patronictl switchover --force >/dev/null 2>&1 || exit 0
