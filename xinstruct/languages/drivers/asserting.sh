# Runs program.sh in this shell and reports that it ended by itself with status 0.
xi__nonce=$(<plan.json)
rm -f plan.json
. ./program.sh
if (($? == 0)); then printf '\n%s\tend\n' "$xi__nonce"; fi
