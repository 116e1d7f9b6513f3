set -euo pipefail
# ... lib.sh
COUNT=5
DROP_SECONDS=3
IDLE_SECONDS=600
PORT=8080
WEB_SECONDS=5
# ... gate-data-path.sh
# ... questions.sh
