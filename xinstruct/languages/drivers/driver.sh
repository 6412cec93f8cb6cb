# Calls a function of answer.sh on each argument list and prints its output as a result of the declared type.
# plan.json is shell text here: the nonce, the function's name, the result's form with its words' types
# (int, optional:int, ...) and one xi__case per case.

xi__number() { # an integer or decimal in JSON's spelling, else the text as a JSON string
    local n=$1 sign= whole fraction exponent=
    if [[ $n =~ ^([+-]?)([0-9]+)$ ]]; then
        sign=${BASH_REMATCH[1]#+} whole=${BASH_REMATCH[2]}
    elif [[ $2 == float && $n =~ ^([+-]?)([0-9]*)(\.([0-9]*))?([eE][+-]?[0-9]+)?$ && -n ${BASH_REMATCH[2]}${BASH_REMATCH[4]} ]]; then
        sign=${BASH_REMATCH[1]#+} whole=${BASH_REMATCH[2]:-0} fraction=${BASH_REMATCH[4]} exponent=${BASH_REMATCH[5]}
    elif [[ $2 == float ]]; then
        case ${n,,} in
            nan | -nan) xi__json='"NaN"' ;;
            inf | infinity | +inf) xi__json='"Infinity"' ;;
            -inf | -infinity) xi__json='"-Infinity"' ;;
            *) xi__string "$n" ;;
        esac
        return
    else
        xi__string "$n"
        return
    fi
    while [[ ${#whole} -gt 1 && $whole == 0* ]]; do whole=${whole#0}; done
    [[ $sign$whole$fraction$exponent == -0 ]] && sign=
    xi__json=$sign$whole${fraction:+.$fraction}$exponent
}

xi__string() {
    local s=$1 code char escaped
    s=${s//\\/\\\\}
    s=${s//\"/\\\"}
    if [[ $s == *[[:cntrl:]]* ]]; then
        for code in 1 2 3 4 5 6 7 8 9 a b c d e f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 7f; do
            printf -v char "\\x$code"
            printf -v escaped '\\u%04x' "0x$code"
            s=${s//"$char"/"$escaped"}
        done
    fi
    xi__json="\"$s\""
}

xi__scalar() {
    if [[ $1 == optional:* ]]; then
        if [[ $2 == None ]]; then xi__json=null; else xi__scalar "${1#optional:}" "$2"; fi
        return
    fi
    case $1 in
        int | float)
            local n=$2
            n=${n#"${n%%[![:space:]]*}"}
            xi__number "${n%"${n##*[![:space:]]}"}" "$1" ;;
        bool) if [[ $2 == true || $2 == false ]]; then xi__json=$2; else xi__string "$2"; fi ;;
        none) xi__json=null ;;
        *) xi__string "$2" ;;
    esac
}

xi__row() { # $1: list (all words are of type $3) or tuple (each has a type of its own); $2: the text
    local form=$1 text=$2 all= word words i=0
    shift 2
    local kinds=("$@")
    IFS=$' \t\n' read -r -d '' -a words <<<"$text" || true
    for word in "${words[@]}"; do
        xi__scalar "${kinds[i]:-string}" "$word"
        all+=${all:+,}$xi__json
        [[ $form == list ]] || i=$((i + 1))
    done
    xi__json="[$all]"
}

xi__lines() { # $1: list or tuple, of which each line is one, or dict, of which each is an entry; $2: the text
    local form=$1 text=$2 all= line lines key
    shift 2
    [[ -z $text ]] || mapfile -t lines <<<"$text"
    for line in "${lines[@]}"; do
        if [[ $form != dict ]]; then
            xi__row "$form" "$line" "$@"
        elif [[ $line != *,* ]]; then
            xi__string "$line"
        else
            xi__scalar "$1" "${line%%,*}"
            key=$xi__json
            xi__scalar "$2" "${line#*,}"
            xi__json="[$key,$xi__json]"
        fi
        all+=${all:+,}$xi__json
    done
    xi__json="[$all]"
}

xi__case() {
    local index=$1 output status xi__json
    shift
    output=$(unset xi__nonce; RANDOM=$xi__seed; "$xi__name" "$@")
    status=$?
    if ((status != 0)) && [[ -z $output ]]; then
        xi__json="!exit status $status"
    else
        case $xi__form in
            item) xi__scalar "${xi__kinds[0]}" "$output" ;;
            list | tuple) xi__row "$xi__form" "$output" "${xi__kinds[@]}" ;;
            *) xi__lines "${xi__form%s}" "$output" "${xi__kinds[@]}" ;;
        esac
    fi
    printf '\n%s\t%s\t%s\n' "$xi__nonce" "$index" "$xi__json"
}

xi__plan=$(<plan.json)
rm -f plan.json
eval "$xi__plan"
xi__seed=${XINSTRUCT_SEED:-0} RANDOM=${XINSTRUCT_SEED:-0}
. ./answer.sh
set +euf
trap - EXIT ERR
shopt -u extdebug failglob nullglob nocasematch
unset IFS
if ! declare -F -- "$xi__name" >/dev/null; then
    printf 'answer.sh defines no function %s\n' "$xi__name" >&2
    exit 1
fi
xi__all
printf '\n%s\tend\n' "$xi__nonce"
exit 0
