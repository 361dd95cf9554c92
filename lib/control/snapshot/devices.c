/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * show devices: what could be a member or is one, who has it, and what is needed to use it.
 *
 * The kernel is asked when the command is given; a member's link is what the bond knows of it.
 *
 * Threads: ctx control.
 */
#include "control/snapshot/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/bridge.h"
#include "control/snapshot/snapshot.h"
#include "machine/nics.h"

static const struct bf_field step_fields[] = {
	BF_FIELD(struct bf_nic_step, command),
	BF_FIELD(struct bf_nic_step, why),
};

static const struct bf_table step_table = BF_TABLE("device step", struct bf_nic_step, step_fields,
	.text = "    {#command}{command}  {/command}# {why}\n");

struct device_row {
	char name[BF_DEV_NAME_MAX], bond[BF_NAME_MAX], speed[24];
	const char *state;
	struct bf_nic nic;
	bool is_attached, is_told, has_group, has_node;
	char id[12]; /* PCI's vendor and device */
	struct bf_rows steps;
};

#define ROW struct device_row

static const struct bf_field device_fields[] = {
	BF_FIELD(ROW, name),
	BF_FIELD(ROW, state),
	BF_FIELD(ROW, bond),
	BF_FIELD(ROW, is_attached),
	BF_FIELD_AS(ROW, nic.is_pci, "pci"),
	BF_FIELD_AS(ROW, nic.is_virtio, "virtio"),
	BF_FIELD(ROW, id),
	BF_FIELD_AS(ROW, nic.driver, "driver"),
	BF_FIELD_AS(ROW, nic.driver_override, "driver_override"),
	BF_FIELD_AS(ROW, nic.node, "node"),
	BF_FIELD(ROW, has_node, .text_only = true),
	BF_FIELD_AS(ROW, nic.slot, "slot"),
	BF_FIELD_AS(ROW, nic.label, "label"),
	BF_FIELD_AS(ROW, nic.iommu_group, "iommu_group"),
	BF_FIELD_AS(ROW, nic.group_others, "iommu_group_hindered_by"),
	BF_FIELD(ROW, has_group, .text_only = true),
	BF_FIELD_AS(ROW, nic.physical, "physical_function"),
	BF_FIELD_AS(ROW, nic.vfs, "virtual_functions"),
	BF_FIELD_AS(ROW, nic.vfs_max, "virtual_functions_max"),
	BF_FIELD_AS(ROW, nic.ifaces, "interfaces"),
	BF_FIELD_AS(ROW, nic.mac, "mac", BF_WHEN(ROW, nic.has_mac)),
	BF_FIELD_AS(ROW, nic.link, "link", BF_WHEN(ROW, is_told)),
	BF_FIELD_AS(ROW, nic.speed_mbps, "speed_mbps", BF_WHEN(ROW, is_told)),
	BF_FIELD(ROW, is_told, .text_only = true),
	BF_FIELD(ROW, speed, .text_only = true),
	BF_FIELD_AS(ROW, nic.busy, "busy"),
	BF_FIELD(ROW, steps, .table = &step_table),
};

const struct bf_table bf_devices_table = BF_TABLE("device", ROW, device_fields,
	.head = "Device             State      Bond         Driver           Node  Slot      Group  "
		"Link            Interface\n",
	.text = "{name:-18} {state:-10} {#bond}{bond:-12}{/bond}{^bond}-           {/bond} "
		"{#driver}{driver:-16}{/driver}{^driver}-               {/driver} "
		"{#has_node}{node:-5}{/has_node}{^has_node}?    {/has_node} "
		"{#slot}{slot:-9}{/slot}{^slot}-        {/slot} "
		"{#has_group}{iommu_group:-6}{/has_group}{^has_group}-     {/has_group} "
		"{speed:-15} {#interfaces}{interfaces}{/interfaces}{^interfaces}-{/interfaces}\n"
		"{#label}    called {label}\n{/label}"
		"{#physical_function}    virtual function of {physical_function}\n{/physical_function}"
		"{steps}");

static void
write_link(ROW *row)
{
	if (!row->is_told)
		BF_ROW_TEXT(row->speed, "-");
	else if (!row->nic.link)
		BF_ROW_TEXT(row->speed, "down");
	else if (row->nic.speed_mbps == 0)
		BF_ROW_TEXT(row->speed, "up");
	else
		snprintf(row->speed, sizeof(row->speed), "up, %" PRIu32 " Mb/s",
			row->nic.speed_mbps);
}

static ROW *
row_add(const struct bf_nic *nic, struct bf_rows *rows, struct bf_snapshot *s)
{
	ROW *row = bf_rows_add(s, rows, sizeof(*row));

	row->nic = *nic;
	BF_ROW_TEXT(row->name, nic->name);
	row->state = bf_nic_state_name[nic->state];
	row->is_told = nic->iface[0] != '\0';
	row->has_group = nic->iommu_group >= 0;
	row->has_node = nic->node >= 0;
	if (nic->is_pci)
		snprintf(row->id, sizeof(row->id), "%04x:%04x", nic->vendor, nic->device);
	write_link(row);
	for (unsigned int i = 0; i < nic->n_steps; i++) {
		struct bf_nic_step *step = bf_rows_add(s, &row->steps, sizeof(*step));

		*step = nic->steps[i];
	}
	return row;
}

/* What the bond has, whatever the kernel says of it. */
static void
gather_member(const struct bf_uplink *u, const struct bf_member *m, const struct bf_nics *nics,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	static const struct bf_nic virtual = {.node = -1, .iommu_group = -1};
	const struct bf_nic *nic = bf_nics_find(nics, m->name);
	ROW *row = row_add(nic != NULL ? nic : &virtual, rows, s);

	BF_ROW_TEXT(row->name, m->name);
	BF_ROW_TEXT(row->bond, u->name);
	row->state = "member";
	row->is_attached = row->is_told = true;
	row->nic.link = m->carrier;
	row->nic.speed_mbps = m->speed_mbps;
	write_link(row);
}

/* Configured, and no process here has it. */
static void
gather_missing(const struct bf_uplink *u, const char *name, const struct bf_nics *nics,
	struct bf_rows *rows, struct bf_snapshot *s)
{
	static const struct bf_nic absent = {.node = -1, .iommu_group = -1};
	const struct bf_nic *nic = bf_nics_find(nics, name);
	ROW *row = row_add(nic != NULL ? nic : &absent, rows, s);
	struct bf_nic_step *step;

	BF_ROW_TEXT(row->name, name);
	BF_ROW_TEXT(row->bond, u->name);
	row->state = "missing";
	if (nic != NULL && nic->n_steps > 0)
		return;
	step = bf_rows_add(s, &row->steps, sizeof(*step));
	if (nic != NULL)
		snprintf(step->command, sizeof(step->command), "bondctl port attach %s", nic->name);
	BF_ROW_TEXT(step->why,
		nic != NULL
			? "it is bound, and this process has not taken it"
			: "the host has no device of this name now; one of the command line (-a) is taken in when "
			  "it appears, another after port attach");
}

static bool
uplink_has(const struct bf_uplink *u, const char *name)
{
	for (unsigned int i = 0; u->bond.open && i < u->bond.n_members; i++)
		if (strcmp(u->bond.members[i].name, name) == 0)
			return true;
	return bf_missing_has(&u->missing, name);
}

static bool
is_listed(const struct bf_bridge *br, const char *name)
{
	for (unsigned int k = 0; br != NULL && k < BF_MAX_BONDS; k++)
		if (uplink_has(&br->up[k], name))
			return true;
	return false;
}

/* If it is bound, what is left to do is to hand it to this process, and then to a bond. */
static void
gather_free(const struct bf_nic *nic, const struct bf_bridge *br, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	ROW *row = row_add(nic, rows, s);
	struct bf_nic_step *step;

	if (br == NULL)
		return;
	row->is_attached = bf_missing_is_there(nic->name);
	if (nic->n_steps > 0 || (nic->state != BF_NIC_READY && nic->state != BF_NIC_SHARED))
		return;
	step = bf_rows_add(s, &row->steps, sizeof(*step));
	if (row->is_attached)
		snprintf(step->command, sizeof(step->command), "bondctl add bonding member %s BOND",
			row->name);
	else
		snprintf(step->command, sizeof(step->command), "bondctl port attach %s", row->name);
	BF_ROW_TEXT(step->why,
		row->is_attached ? "attached, and of no bond"
				 : "no bond of this process has it; another process may");
}

void
bf_gather_devices(const struct bf_bridge *br, const struct bf_nics *nics, struct bf_rows *rows,
	struct bf_snapshot *s)
{
	for (unsigned int k = 0; br != NULL && k < BF_MAX_BONDS; k++) {
		const struct bf_uplink *u = &br->up[k];

		for (unsigned int i = 0; u->bond.open && i < u->bond.n_members; i++)
			gather_member(u, &u->bond.members[i], nics, rows, s);
		for (uint32_t i = 0; i < u->missing.n; i++)
			gather_missing(u, u->missing.members[i].name, nics, rows, s);
	}
	for (unsigned int i = 0; i < nics->n; i++)
		if (!is_listed(br, nics->at[i].name))
			gather_free(&nics->at[i], br, rows, s);
}

static void
gather_all(struct bf_bridge *br, const char *only, struct bf_snapshot *s)
{
	struct bf_nics nics;

	(void)only;
	if (bf_nics_read("", &nics) != 0)
		bf_snapshot_fail(s, -ENOMEM, "out of memory");
	bf_gather_devices(br, &nics, &s->rows, s);
	bf_nics_fini(&nics);
}

const struct bf_show bf_show_devices = {.table = &bf_devices_table, .gather = gather_all};
