# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What an operator has already when he opens a guide: sourced by the hosts of test/guides, and called by the marks
# <!-- prepare: NAME --> of docs/guides.

# A switch for the ends of the cables: a bridge, with the machine 192.0.2.1 behind it.
prepare_switch() {
    ip link add switch type bridge
    ip link set switch up
    ip netns add lan
    ip link add port9 type veth peer name eth0 netns lan
    ip link set port9 master switch up
    ip -n lan link set lo up
    ip -n lan addr add 192.0.2.1/24 dev eth0
    ip -n lan link set eth0 up
}

# bondfwd with two cables into that switch, as the guide to two uplinks leaves it.
prepare_bondfwd() {
    prepare_switch
    cp "$SOURCE/test/guides/lab.conf" /etc/bondfwd.conf
    bondfwd -l 0,1 --no-huge -m 512 --no-pci --vdev net_tap0,iface=cable0 --vdev net_tap1,iface=cable1 -- \
        --config /etc/bondfwd.conf 2>>bondfwd.log &
    until bondctl show version >/dev/null 2>&1; do sleep 0.1; done
    ip link set cable0 master switch up
    ip link set cable1 master switch up
}

# The database of an Open vSwitch with DPDK, as its own programs write it.
prepare_ovs() {
    mkdir -p /run/ovs
    ovsdb-tool create /run/ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema
    OVS_RUNDIR=/run/ovs ovsdb-server /run/ovs/conf.db --remote=punix:/run/ovs/db.sock --pidfile=/run/ovs/pid --detach \
        --no-chdir -vconsole:off
    ovs-vsctl --no-wait --db=unix:/run/ovs/db.sock init \
        -- set Open_vSwitch . other_config:dpdk-init=true other_config:pmd-cpu-mask=0x2 \
        -- add-br br0 -- set bridge br0 datapath_type=netdev \
        -- add-bond br0 bond0 dpdk0 dpdk1 -- set port bond0 bond_mode=active-backup \
        -- set interface dpdk0 type=dpdk options:dpdk-devargs=net_tap0,iface=cable0 \
        -- set interface dpdk1 type=dpdk options:dpdk-devargs=net_tap1,iface=cable1 \
        -- add-port br0 vm1 tag=10 -- set interface vm1 type=dpdkvhostuserclient \
        options:vhost-server-path=/run/vhost/vm1.sock
    mkdir -p /etc/openvswitch
    cp --remove-destination /run/ovs/conf.db /etc/openvswitch/conf.db
}
