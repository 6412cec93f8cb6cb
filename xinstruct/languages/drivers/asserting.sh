# Runs program.sh in this shell, then tests.sh where there is one, and reports that it ended by itself with status 0.
# Nonce and tests stand in the text of a command that is being executed: no variable, function or file holds
# them. The program is evaluated, not sourced, so that `return` does not end it; exit always leaves, by an expansion that
# fails if `builtin` is no longer what it was. A last call behind the program's text tells that the text was read to its
# end: one that an open here-document takes in is not made. In POSIX mode no function hides `unset`.
exit() {
    builtin exit "$@"
    : "${9999:?exit}"
}
readonly -f exit
trap() { return 0; } # traps could skip commands (asserting programs that use one of their own: languages/bash.py)
readonly -f trap
enable -n trap enable
xinstruct_ended() {
    xinstruct_end=$1
    return "$1"
}
xinstruct_early() {
    if [[ -z $xinstruct_end ]]; then echo "error: the program's text ends inside a here-document" >&2; fi
    exit "${xinstruct_end:-1}"
}
eval "{ :
eval \"\$(<program.sh)
xinstruct_ended \\\$?\"
$([[ -f tests.sh ]] || echo '[[ $xinstruct_end == 0 ]] || xinstruct_early')
$(if [[ -f tests.sh ]]; then printf 'eval %q' "$(<tests.sh)" && rm tests.sh; fi)
if ((\$? != 0)); then exit 1; fi
POSIXLY_CORRECT=1; unset -f builtin printf; unset POSIXLY_CORRECT
builtin printf '\\n%s\\tend\\n' $(<plan.json)$(rm plan.json || echo ' not removed')
}"
