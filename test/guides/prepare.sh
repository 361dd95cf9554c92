# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What an operator has already when he opens a guide: sourced by the hosts of test/guides, and called by the marks
# <!-- prepare: NAME --> of docs/guides.

# A switch for the ends of the cables: a bridge, with a machine behind it: 192.0.2.1, on the second host 192.0.2.2.
prepare_switch() {
    ip link add switch type bridge
    ip link set switch up
    ip netns add lan
    ip link add port9 type veth peer name eth0 netns lan
    ip link set port9 master switch up
    [ ! -e /sys/class/net/port8 ] || ip link set port8 master switch up
    ip -n lan link set lo up
    ip -n lan addr add "$LAN_ADDRESS/24" dev eth0
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

# A guest whose machine does not run.
prepare_guest_vm1() {
    bondctl add guest vm1 socket=/run/vhost/vm1.sock
}

# The source folder, as an archive has it: without what is built in it.
prepare_source() {
    tar -C "$SOURCE" --anchored --exclude='./build*' --exclude=./.git -c . | tar -x
}

# sysctl finds nothing but what the guide writes. The pages are the kernel's when nobody on this machine has any and
# there is memory enough (test_guides.py gives them back); else a file in that place shows only what sysctl writes.
prepare_sysctl() {
    local pages=/proc/sys/vm/nr_hugepages
    rm -f /etc/sysctl.d/*
    : >/etc/sysctl.conf
    [ ! -d /usr/lib/sysctl.d ] || mount -t tmpfs none /usr/lib/sysctl.d
    if [ "$(cat $pages)" != 0 ] || ! echo 0 >$pages ||
        [ "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)" -lt 4194304 ]; then
        echo 0 >nr_hugepages
        mount --bind nr_hugepages $pages
    fi
}

# The file of the boot loader as Debian's grub2-common installs it, without most of its comments.
prepare_grub() {
    cat >/etc/default/grub <<'END'
# If you change this file, run 'update-grub' afterwards to update
# /boot/grub/grub.cfg.

GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX=""

# Uncomment to disable graphical terminal
#GRUB_TERMINAL=console
END
}

# The words that the boot loader gives to the kernel: it reads that file as a shell does.
kernel_words() {
    # shellcheck source=/dev/null
    (. /etc/default/grub && echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT")
}

# ssh between the hosts for root, whom both know by one key.
prepare_ssh() {
    local key
    key=$(readlink -f "$HOST_FOLDER/../..")/key
    [ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$key"
    echo "host-a,host-b $(cat "$key.pub")" >/etc/ssh/ssh_known_hosts
    printf '%s\n' "IdentityFile $key" 'UserKnownHostsFile /dev/null' 'BatchMode yes' >/etc/ssh/ssh_config
    usermod -p '*' root # no password, but not locked
    mkdir -p /run/sshd
    /usr/sbin/sshd -f /dev/null -h "$key" -o "AuthorizedKeysFile $key.pub" -o 'StrictModes no' -o 'UsePAM no' \
        -o 'Subsystem sftp internal-sftp'
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

# The kernel and the initramfs of scripts/guest, as $KERNEL and $INITRD.
find_image() {
    local image
    image=$(XDG_CACHE_HOME=$GUEST_CACHE PYTHONPATH=$SOURCE/scripts/guest /usr/bin/python3 -B -c \
        'from guestrig.image import image; i = image(); print(i.kernel, i.initrd)')
    KERNEL=${image% *} INITRD=${image#* }
}

# libvirtd, without machines.
prepare_libvirt_empty() {
    printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'cgroup_controllers = []' \
        'namespaces = []' 'remember_owner = 0' 'dynamic_ownership = 0' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
    printf '%s\n' 'unix_sock_group = "root"' 'auth_unix_rw = "none"' 'listen_tls = 0' 'listen_tcp = 1' \
        'auth_tcp = "none"' "host_uuid = \"$(cat /proc/sys/kernel/random/uuid)\"" >/etc/libvirt/libvirtd.conf
    libvirtd -d --listen
    until virsh -q list >/dev/null 2>&1; do sleep 0.1; done
}

# libvirtd, and a machine vm1 that has no network card yet. QEMU 7.2 crashes in vhost-user with MSI-X when it emulates:
# no vectors.
prepare_libvirt() {
    find_image
    prepare_libvirt_empty
    cat >vm1.xml <<END
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>vm1</name>
  <memory unit='MiB'>256</memory>
  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
  <vcpu current='1'>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>$KERNEL</kernel>
    <initrd>$INITRD</initrd>
    <cmdline>console=ttyS0 quiet guest=vm1 net.ifnames=0 random.trust_cpu=on tsc=reliable</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <serial type='file'><source path='/var/tmp/console.log'/></serial>
    <channel type='unix'><source mode='bind' path='/var/tmp/agent'/><target type='virtio' name='agent'/></channel>
    <controller type='pci' model='pcie-root'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <controller type='pci' model='pcie-root-port'/>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-global'/><qemu:arg value='virtio-net-pci.vectors=0'/>
  </qemu:commandline>
</domain>
END
    virsh -q define vm1.xml
}
