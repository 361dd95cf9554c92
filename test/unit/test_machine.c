/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the machine has, read from trees of machines that there are not.
 *
 * Threads: one.
 */
#include "unit.h"

#include "fake_machine.h"
#include "machine/machine.h"
#include "machine/nics.h"
#include "machine/process.h"

#define INTEL "0x8086\n"
#define VIRTIO "0x1af4\n"
#define MELLANOX "0x15b3\n"

static void
test_lists_of_cpus_are_read_and_written(void **state)
{
	static const char *const good[] = {"", "0", "0-3", "0-3,8", "1,3,5", "0-1023"};
	static const char *const bad[] = {"a", "3-1", "1,,2", "1-", "0;1", "-1"};
	struct bf_cpuset s;
	char buf[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(bf_cpuset_parse(&s, good[i]), 0);
		assert_string_equal(bf_cpuset_text(&s, buf, sizeof(buf)), good[i]);
	}
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bf_cpuset_parse(&s, bad[i]), -EINVAL);
	bf_cpuset_parse(&s, "0-3,32,68");
	assert_int_equal(bf_cpuset_count(&s), 6);
	assert_string_equal(bf_cpuset_mask(&s, 70, buf, sizeof(buf)), "10,00000001,0000000f");
	assert_string_equal(bf_cpuset_mask(&s, 7, buf, sizeof(buf)), "f");
	bf_cpuset_parse(&s, "1,3,5,7,9,11,13,15,17,19");
	assert_string_equal(bf_cpuset_text(&s, buf, 24), "1,3,5,7,9...");
}

static void
test_cpus_cores_nodes_and_pages(void **state)
{
	static struct bf_machine m;
	struct bf_cpuset s;
	struct fake f;
	char buf[64];

	(void)state;
	fake_open(&f);
	fake_cpus(&f, 2, 4, 2);
	fake_file(&f, "/proc/cmdline", "quiet xisolcpus=9 isolcpus=2-3 intel_iommu=on nohz\n");
	fake_file(&f, "/proc/mounts", "none /dev/hugepages hugetlbfs rw 0 0\n");
	bf_machine_read(f.root, &m);
	assert_int_equal(m.n_cpus, 16);
	assert_int_equal(m.n_nodes, 2);
	assert_int_equal(m.nodes[1].memory_kib, 67108864);
	assert_int_equal(m.nodes[1].n_sizes, 2);
	assert_int_equal(m.nodes[1].pages[0].size_kib, 2048);
	assert_int_equal(m.nodes[1].pages[1].total, 2);
	assert_int_equal(m.nodes[1].pages[1].free, 1);
	assert_int_equal(bf_machine_node_of(&m, 13), 1);
	assert_int_equal(bf_machine_node_of(&m, 99), -1);
	bf_machine_siblings(&m, 13, &s);
	assert_string_equal(bf_cpuset_text(&s, buf, sizeof(buf)), "5,13");
	assert_string_equal(bf_machine_cmdline(&m, "isolcpus", buf, sizeof(buf)), "2-3");
	assert_string_equal(bf_machine_cmdline(&m, "nohz", buf, sizeof(buf)), "");
	assert_null(bf_machine_cmdline(&m, "nohz_full", buf, sizeof(buf)));
	assert_true(m.has_hugetlbfs);
	assert_false(m.has_iommu);
	fake_close(&f);
}

static void
test_a_kernel_without_nodes_has_one(void **state)
{
	static struct bf_machine m;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_file(&f, "/sys/devices/system/cpu/online", "0\n");
	fake_file(&f, "/proc/meminfo", "MemTotal:  2048000 kB\n");
	fake_file(&f, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	bf_machine_read(f.root, &m);
	assert_int_equal(m.n_cpus, 1);
	assert_int_equal(m.n_nodes, 1);
	assert_false(m.has_nodes);
	assert_int_equal(m.nodes[0].id, 0);
	assert_int_equal(m.nodes[0].memory_kib, 2048000);
	assert_int_equal(m.nodes[0].pages[0].total, 7);
	assert_int_equal(bf_machine_node_of(&m, 0), 0);
	fake_close(&f);
}

static void
test_a_machine_without_anything_is_read(void **state)
{
	static struct bf_machine m;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	bf_machine_read(f.root, &m);
	assert_int_equal(m.n_cpus, 0);
	assert_int_equal(bf_nics_read(f.root, &nics), 0);
	assert_int_equal(nics.n, 0);
	bf_nics_fini(&nics);
	fake_close(&f);
}

/* The step that has this in its command, or NULL. */
static const struct bf_nic_step *
step_find(const struct bf_nic *nic, const char *command)
{
	for (unsigned int i = 0; i < nic->n_steps; i++)
		if (strstr(nic->steps[i].command, command) != NULL)
			return &nic->steps[i];
	return NULL;
}

static const struct bf_nic *
nic_read(const struct fake *f, struct bf_nics *nics, const char *name)
{
	const struct bf_nic *nic;

	assert_int_equal(bf_nics_read(f->root, nics), 0);
	nic = bf_nics_find(nics, name);
	assert_non_null(nic);
	return nic;
}

/* Two functions of one card in one group: the second keeps the first from being used. */
static void
test_two_functions_of_a_card(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:01:00.0", INTEL, "i40e", "1\n", "17");
	fake_card(&f, "0000:01:00.1", INTEL, "i40e", "1\n", "17");
	fake_set(&f, "0x060400\n", FAKE_PCI "/0000:00:01.0/class");
	fake_point(&f, "../../drivers/pcieport", FAKE_PCI "/0000:00:01.0/driver");
	fake_set(&f, "", "/sys/kernel/iommu_groups/17/devices/0000:00:01.0");
	fake_iface(&f, "0000:01:00.0", "", "eth0");
	fake_set(&f, "0000:01:00\n", "/sys/bus/pci/slots/4-1/address");
	fake_set(&f, "NIC 1\n", FAKE_PCI "/0000:01:00.0/label");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nics.n, 2);
	assert_int_equal(nic->state, BF_NIC_KERNEL);
	assert_string_equal(nic->driver, "i40e");
	assert_string_equal(nic->driver_override, "");
	assert_int_equal(nic->node, 1);
	assert_string_equal(nic->slot, "4-1");
	assert_string_equal(nic->label, "NIC 1");
	assert_int_equal(nic->iommu_group, 17);
	assert_string_equal(nic->group_others, "0000:01:00.1");
	assert_string_equal(nic->iface, "eth0");
	assert_true(nic->link && nic->has_mac);
	assert_int_equal(nic->speed_mbps, 10000);
	assert_non_null(step_find(nic, "ip link set dev eth0 down"));
	assert_non_null(step_find(nic, "modprobe vfio-pci"));
	assert_non_null(step_find(nic, "dpdk-devbind.py --bind=vfio-pci 0000:01:00.0"));
	assert_non_null(step_find(nic, "dpdk-devbind.py --bind=vfio-pci 0000:01:00.1"));
	assert_null(step_find(nic, "unsafe"));
	bf_nics_fini(&nics);
	fake_close(&f);
}

static void
test_a_bound_card_needs_its_group(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:01:00.0", INTEL, "vfio-pci", "0\n", "3");
	fake_card(&f, "0000:01:00.1", INTEL, "vfio-pci", "0\n", "3");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nic->state, BF_NIC_READY);
	assert_int_equal(nic->n_steps, 0);
	bf_nics_fini(&nics);
	fake_card(&f, "0000:01:00.2", INTEL, "i40e", "0\n", "3");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nic->state, BF_NIC_READY);
	assert_int_equal(nic->n_steps, 1);
	assert_non_null(step_find(nic, "dpdk-devbind.py --bind=vfio-pci 0000:01:00.2"));
	bf_nics_fini(&nics);
	fake_close(&f);
}

static void
test_without_an_iommu_it_is_said(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:01:00.0", INTEL, NULL, "-1\n", NULL);
	fake_file(&f, "/sys/bus/pci/drivers/vfio-pci/new_id", "");
	fake_set(&f, "igb_uio\n", FAKE_PCI "/0000:01:00.0/driver_override");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nic->state, BF_NIC_UNBOUND);
	assert_int_equal(nic->node, -1);
	assert_string_equal(nic->driver_override, "igb_uio");
	assert_non_null(step_find(nic, "enable_unsafe_noiommu_mode=1"));
	assert_non_null(strstr(step_find(nic, "--bind")->why, "driver_override says igb_uio"));
	assert_null(step_find(nic, "modprobe vfio-pci"));
	bf_nics_fini(&nics);
	fake_file(&f, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nic->n_steps, 1);
	bf_nics_fini(&nics);
	fake_close(&f);
}

static void
test_virtual_functions_of_sriov(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:01:00.0", INTEL, "ice", "0\n", "5");
	fake_set(&f, "2\n", FAKE_PCI "/0000:01:00.0/sriov_numvfs");
	fake_set(&f, "64\n", FAKE_PCI "/0000:01:00.0/sriov_totalvfs");
	fake_card(&f, "0000:01:01.0", INTEL, "iavf", "0\n", "6");
	fake_point(&f, "../0000:01:00.0", FAKE_PCI "/0000:01:01.0/physfn");
	nic = nic_read(&f, &nics, "0000:01:01.0");
	assert_true(nic->is_vf);
	assert_string_equal(nic->physical, "0000:01:00.0");
	assert_null(step_find(nic, "sriov_numvfs"));
	nic = bf_nics_find(&nics, "0000:01:00.0");
	assert_false(nic->is_vf);
	assert_int_equal(nic->vfs, 2);
	assert_int_equal(nic->vfs_max, 64);
	assert_non_null(step_find(nic, "echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs"));
	bf_nics_fini(&nics);
	fake_close(&f);
}

static void
test_what_the_kernel_uses_is_busy(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:01:00.0", INTEL, "igb", "0\n", "5");
	fake_iface(&f, "0000:01:00.0", "", "eth0");
	fake_point(&f, "../bond0", "/sys/class/net/eth0/master");
	fake_card(&f, "0000:02:00.0", VIRTIO, "virtio-pci", "0\n", "6");
	fake_iface(&f, "0000:02:00.0", "/virtio3", "eth1");
	fake_point(&f, "../vlan5", "/sys/class/net/eth1/upper_vlan5");
	fake_card(&f, "0000:03:00.0", MELLANOX, "mlx5_core", "0\n", "7");
	fake_iface(&f, "0000:03:00.0", "", "eth2");
	fake_card(&f, "0000:04:00.0", INTEL, "igb", "0\n", "8");
	fake_iface(&f, "0000:04:00.0", "", "eth20");
	fake_file(&f, "/proc/net/route",
		"Iface\tDestination\tGateway\neth2\t00000000\t0102A8C0\neth1\t0002A8C0\t00000000\n");
	fake_file(&f, "/proc/net/if_inet6",
		"fe800000000000000000000000000001 09 40 20 80    eth20\n"
		"20010db8000000000000000000000001 08 40 00 80     eth2\n");
	nic = nic_read(&f, &nics, "0000:01:00.0");
	assert_int_equal(nic->state, BF_NIC_BUSY);
	assert_string_equal(nic->busy, "eth0 is in bond0");
	assert_string_equal(nic->steps[0].why, "eth0 is in bond0: move that elsewhere first");
	nic = bf_nics_find(&nics, "0000:02:00.0");
	assert_int_equal(nic->state, BF_NIC_BUSY);
	assert_true(nic->is_virtio);
	assert_string_equal(nic->busy, "eth1 is under vlan5, eth1 has a route");
	nic = bf_nics_find(&nics, "0000:03:00.0");
	assert_int_equal(nic->state, BF_NIC_BUSY);
	assert_string_equal(nic->busy, "eth2 has the default route, eth2 has an IPv6 address");
	assert_null(step_find(nic, "devbind"));
	nic = bf_nics_find(&nics, "0000:04:00.0");
	assert_int_equal(nic->state, BF_NIC_KERNEL);
	bf_nics_fini(&nics);
	fake_close(&f);
}

/* The kernel refuses white space, '/' and ':' in such a name, and takes the rest. */
static void
test_names_that_a_shell_would_act_on_are_quoted(void **state)
{
	static const char *const names[][2] = {
		{"en_p1s0.5-a@b", "ip link set dev en_p1s0.5-a@b down"},
		{"$(reboot)", "ip link set dev '$(reboot)' down"},
		{"a;b&", "ip link set dev 'a;b&' down"},
		{"'a'''''''''''''",
			"ip link set dev ''\\''a'\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\'''\\''' down"}};

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct bf_nic nic = {.is_pci = true, .name = "0000:01:00.0"};

		snprintf(nic.iface, sizeof(nic.iface), "%s", names[i][0]);
		bf_nic_advise("/nowhere", &nic);
		assert_string_equal(nic.steps[0].command, names[i][1]);
		nic.is_pci = false;
		bf_nic_advise("/nowhere", &nic);
		assert_has(nic.steps[0].command, i == 2 ? "iface='a;b&' ..." : "iface=");
	}
}

static void
test_a_driver_that_works_beside_the_kernels_needs_no_binding(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_card(&f, "0000:03:00.0", MELLANOX, "mlx5_core", "0\n", NULL);
	fake_iface(&f, "0000:03:00.0", "", "eth2");
	fake_iface(&f, "0000:03:00.0", "", "eth3");
	nic = nic_read(&f, &nics, "0000:03:00.0");
	assert_int_equal(nic->state, BF_NIC_SHARED);
	assert_int_equal(nic->n_steps, 0);
	assert_string_equal(nic->ifaces, "eth2,eth3");
	assert_string_equal(nic->iface, "eth2");
	bf_nics_fini(&nics);
	fake_close(&f);
}

/* An interface of a USB card, and one without hardware. */
static void
test_other_buses_are_listed_and_virtual_interfaces_are_not(void **state)
{
	const struct bf_nic *nic;
	struct bf_nics nics;
	struct fake f;

	(void)state;
	fake_open(&f);
	fake_file(&f, "/sys/class/net/lo/address", "00:00:00:00:00:00\n");
	fake_file(&f, "/sys/class/net/usb0/address", "02:00:00:00:00:01\n");
	fake_file(&f, "/sys/class/net/usb0/device/numa_node", "0\n");
	fake_link(&f, "/sys/class/net/usb0/device/subsystem", "../../../bus/usb");
	nic = nic_read(&f, &nics, "usb0");
	assert_int_equal(nics.n, 1);
	assert_int_equal(nic->state, BF_NIC_OTHER_BUS);
	assert_string_equal(nic->label, "usb");
	assert_non_null(step_find(nic, "net_af_packet0,iface=usb0"));
	bf_nics_fini(&nics);
	fake_close(&f);
}

/* A file with zeros between its words. */
static void
cmdline_write(const struct fake *f, const char *text, size_t size)
{
	char full[FAKE_PATH];
	FILE *out;

	fake_path(f, full, "/proc/77/cmdline");
	out = fopen(full, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	fclose(out);
}

static void
test_a_process_says_which_machine_it_runs(void **state)
{
	static const char by_hand[] = "qemu-system-x86_64\0-name\0web,debug-threads=on\0-m\0001G";
	static const char by_libvirt[] =
		"/usr/bin/qemu-system-x86_64\0-name\0guest=a,,b\033c,debug-threads=on\0-object\0"
		"{\"file\":\"/var/lib/libvirt/qemu/domain-1-ab/master-key.aes\"}";
	static const char other[] = "bf-peer\0-n\0name";
	struct bf_process_vm vm;
	struct fake f;

	(void)state;
	fake_open(&f);
	cmdline_write(&f, by_hand, sizeof(by_hand));
	assert_true(bf_process_find_vm(f.root, 77, &vm));
	assert_string_equal(vm.name, "web");
	assert_false(vm.is_libvirt);
	cmdline_write(&f, by_libvirt, sizeof(by_libvirt));
	assert_true(bf_process_find_vm(f.root, 77, &vm));
	assert_has(vm.name, "a,b");
	assert_null(strchr(vm.name, '\033'));
	assert_true(vm.is_libvirt);
	cmdline_write(&f, other, sizeof(other));
	assert_false(bf_process_find_vm(f.root, 77, &vm));
	assert_false(bf_process_find_vm(f.root, 78, &vm));
	assert_false(bf_process_find_vm(f.root, 0, &vm));
	fake_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists_of_cpus_are_read_and_written),
		cmocka_unit_test(test_cpus_cores_nodes_and_pages),
		cmocka_unit_test(test_a_kernel_without_nodes_has_one),
		cmocka_unit_test(test_a_machine_without_anything_is_read),
		cmocka_unit_test(test_two_functions_of_a_card),
		cmocka_unit_test(test_a_bound_card_needs_its_group),
		cmocka_unit_test(test_without_an_iommu_it_is_said),
		cmocka_unit_test(test_virtual_functions_of_sriov),
		cmocka_unit_test(test_what_the_kernel_uses_is_busy),
		cmocka_unit_test(test_names_that_a_shell_would_act_on_are_quoted),
		cmocka_unit_test(test_a_driver_that_works_beside_the_kernels_needs_no_binding),
		cmocka_unit_test(test_other_buses_are_listed_and_virtual_interfaces_are_not),
		cmocka_unit_test(test_a_process_says_which_machine_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
