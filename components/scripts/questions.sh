# shellcheck shell=bash
# Answers questions, one line each, until the input ends; read last, after a script that defines `answer WORD...`.
#
# Inputs: IDLE_SECONDS without a question after which nobody is there any more
# Output: what `answer` prints, an empty line, and the line fjordkube:end (helpers/session.py waits for it).

trap '' PIPE # a program that went away must not end the conversation

while IFS=' ' read -t "$IDLE_SECONDS" -ra question; do
  answer "${question[@]}" </dev/null # or it would read the next question
  printf '\nfjordkube:end\n' # on a line of its own, whatever the answer ended with
done
