# SPDX-License-Identifier: BSD-3-Clause
# The network cards, by their PCI addresses.
_bondfwd_cards() {
    local device class
    for device in /sys/bus/pci/devices/*; do
        if read -r class 2>/dev/null <"$device/class"; then
            case $class in 0x02*) _bondfwd_found "${device##*/}" ;; esac
        fi
    done
}

# The value of an OPTION, as far as it is typed.  Fails when it has none.
_bondfwd_value() {
    case $1 in
@OPTIONS@
    *) return 1 ;;
    esac
}

_bondfwd_choices() {
@EMULATE@    local all=" ${before[*]-} " previous='' kinds='eal options'
    if [ ${#before[@]} -gt 0 ]; then
        previous=${before[${#before[@]} - 1]}
        case $all in
        *" -- "*) kinds=options ;;
        @OWN_FIRST@) kinds=options ;;
        *) kinds=eal ;;
        esac
    fi
    case $kinds:$previous in
    eal:-a | eal:--allow | eal:-b | eal:--block)
        _bondfwd_cards
        return
        ;;
    eal:--huge-dir)
        files=yes
        return
        ;;
    eal:-[lmnr] | eal:--lcores | eal:--vdev | eal:--file-prefix | eal:--main-lcore | eal:--socket-mem) return ;;
    options:-*)
        case $1 in
        -*) ;;
        *) _bondfwd_value "$previous" "$1" && return ;;
        esac
        ;;
    esac
    case $1 in
    --*=*)
        _bondfwd_value "${1%%=*}" "${1#*=}"
        kept=${1%%=*}=$kept
        ;;
    *)
        for previous in $kinds; do
            _bondfwd_values "$previous"
        done
        ;;
    esac
}
