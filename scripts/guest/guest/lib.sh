# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=sh
#
# Functions for the commands that the host sends; every command starts with this file sourced.

# load MODULE [PARAMETER=VALUE ...]: a module and what it needs.
load() {
    list=/lib/modules/$1.list
    last=$(tail -n 1 "$list")
    shift
    while read -r file; do
        name=$(echo "${file%.ko}" | tr - _)
        [ -d "/sys/module/$name" ] && continue
        if [ "$file" = "$last" ]; then
            insmod "/lib/modules/$file" "$@"
        else
            insmod "/lib/modules/$file"
        fi || return
    done <"$list"
}

# NICs sit at PCI slots 0x10, 0x11, ... and are called nic0, nic1, ... whatever order they come in.
nic_index() {
    slot=${1##*:1}
    echo $((0x${slot%.0}))
}

virtio_device() {
    basename "$(echo /sys/bus/pci/devices/0000:00:1"$(printf %x "$1")".0/virtio*)"
}

name_nic() {
    now=$(basename "$(echo /sys/bus/virtio/devices/"$(virtio_device "$1")"/net/*)")
    [ "$now" = "nic$1" ] || ip link set "$now" name "nic$1"
}

# The real tools and not busybox's applets, which its shell would prefer.
ip() {
    /tools/ip "$@"
}

tc() {
    /tools/tc "$@"
}

ethtool() {
    /tools/ethtool "$@"
}

transfer() {
    /tools/transfer "$@"
}

probe() {
    /tools/probe "$@"
}

raw() {
    /tools/raw "$@"
}

reflect() {
    /tools/reflect "$@"
}
