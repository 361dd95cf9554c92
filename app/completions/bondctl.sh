# SPDX-License-Identifier: BSD-3-Clause
# Every way to write a command: words, alternatives with |, arguments in <>; + is for all words to the end of the line.
_bondctl_forms=(
@FORMS@
)

# The names that the running program knows; none when it does not run, or does not answer in a second.
_bondctl_ask() {
    if [ -n "$socket" ]; then
        _bondctl_found "$(command bondctl -s "$socket" -t 1 show names "$1" </dev/null 2>/dev/null)"
    else
        _bondctl_found "$(command bondctl -t 1 show names "$1" </dev/null 2>/dev/null)"
    fi
}

# How well the words from $2 on fit a FORM: a digit for each in `ranks`, as bf_item_rank() has it, and what stands
# behind them in `place`.  Fails when they do not fit.
_bondctl_fit() {
    local item at=$2
    ranks='' place=''
    for item in $1; do
        if [ "$at" -ge "${#before[@]}" ]; then
            place=$item
            return 0
        fi
        case "$item" in
        +*)
            while [ "$at" -lt "${#before[@]}" ]; do
                ranks+=1
                at=$((at + 1))
            done
            place=$item
            return 0
            ;;
        esac
        case "|$item|" in
        *"|${before[at]}|"*) ranks+=3 ;;
        *"<"*) ranks+=2 ;;
        *) return 1 ;;
        esac
        at=$((at + 1))
    done
    [ "$at" -ge "${#before[@]}" ]
}

# A fixed word further left excludes commands with an argument in its place.
_bondctl_places() {
    local form ranks place best=''
    places=''
    for form in "${_bondctl_forms[@]}"; do
        _bondctl_fit "$form" "$1" || continue
        if [[ $ranks > $best ]]; then
            best=$ranks
            places=''
        fi
        if [ "$ranks" = "$best" ]; then
            case " $places " in
            *" $place "*) ;;
            *) places+=" $place" ;;
            esac
        fi
    done
}

_bondctl_command() {
    local places place alt previous=''
    _bondctl_places "$1"
    [ ${#before[@]} -eq 0 ] || previous=${before[${#before[@]} - 1]}
    for place in $places; do
        case $place in
        +*) _bondctl_rest "${place#+}" "$previous" "$2" ;;
        *)
            for alt in ${place//|/ }; do
                case $alt in
                "<"*) _bondctl_values "${alt//[<>]/}" ;;
                *) _bondctl_found "$alt" ;;
                esac
            done
            ;;
        esac
    done
}

# The words to the end of a line: OF PREVIOUS WORD
_bondctl_rest() {
    case $1:$2 in
@REST@
    *) _bondctl_offer "$1" "$3" ;;
    esac
}

_bondctl_choices() {
@EMULATE@    local at=0 socket=''
    while [ "$at" -lt "${#before[@]}" ]; do
        case ${before[at]} in
        -s | --socket | -t | --timeout)
            [ "$((at + 1))" -lt "${#before[@]}" ] || {
                case ${before[at]} in -s | --socket) files=yes ;; esac
                return
            }
            case ${before[at]} in -s | --socket) socket=${before[at + 1]} ;; esac
            at=$((at + 1))
            ;;
        --socket=*) socket=${before[at]#*=} ;;
        -*) ;;
        *) break ;;
        esac
        at=$((at + 1))
    done
    [ "${socket#[~]/}" = "$socket" ] || socket=$HOME/${socket#??}
    if [ "$at" -eq "${#before[@]}" ]; then
        case $1 in
        --socket=*)
            kept=--socket=
            files=yes
            return
            ;;
        -*)
            _bondctl_values options
            return
            ;;
        esac
    elif [ "${before[at]}" = watch ]; then
        at=$((at + 1))
        if [ "${before[at]-}" = -n ]; then
            [ "$((at + 1))" -lt "${#before[@]}" ] || return
            at=$((at + 2))
        fi
        case ${before[at]-} in [0-9]*) at=$((at + 1)) ;; esac
    fi
    _bondctl_command "$at" "$1"
}
