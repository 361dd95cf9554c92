# SPDX-License-Identifier: BSD-3-Clause
# What may stand in a place: written so that bash and zsh (as ksh) read it alike.
#
# The caller has these variables: the words before the last one in the array `before`; `found` gets the choices, one a
# line, `kept` what of the last word stays in front of each, `files` a word when names of files may stand there, too.

_@P@_found() {
    [ -z "$1" ] || found+=$1$'\n'
}

# What an argument of a KIND may be.
_@P@_values() {
    case $1 in
@VALUES@
    esac
}

# KEY=VALUE,... of a TABLE: the keys, or the values of the key that stands at the end of the WORD.
_@P@_pairs() {
    local pair=${2##*,}
    case $pair in
    *=*)
        kept=${2%"${pair#*=}"}
        _@P@_values "$1.${pair%%=*}"
        ;;
    *)
        kept=${2%"$pair"}
        _@P@_values "$1="
        ;;
    esac
}

# KIND WORD
_@P@_offer() {
    case $1 in
    *=) _@P@_pairs "${1%=}" "$2" ;;
    *) _@P@_values "$1" ;;
    esac
}
