/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which virtual machine a process runs: see process.h.
 *
 * libvirt starts QEMU as `-name guest=NAME,debug-threads=on`, and names files of its own folder
 * (/var/lib/libvirt/qemu/domain-1-NAME) in its arguments.
 *
 * Threads: any.
 */
#include "machine/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "machine/sysfs.h"

/* The value of -name: "NAME", "guest=NAME", each with more behind a comma; ",," is a comma of the name's. */
static void
name_take(struct bf_process_vm *vm, const char *value)
{
	size_t len = 0;

	if (strncmp(value, "guest=", 6) == 0)
		value += 6;
	for (; *value != '\0' && len + 1 < sizeof(vm->name); value++) {
		if (*value == ',' && *++value != ',')
			break;
		vm->name[len++] = *value;
	}
	vm->name[len] = '\0';
	bf_words_plain(vm->name);
}

bool
bf_process_find_vm(const char *root, pid_t pid, struct bf_process_vm *vm)
{
	char path[BF_SYSFS_PATH], *argument = NULL;
	bool is_value = false;
	size_t size = 0;
	FILE *f;

	memset(vm, 0, sizeof(*vm));
	snprintf(path, sizeof(path), "%.400s/proc/%d/cmdline", root, (int)pid);
	f = pid > 0 ? fopen(path, "re") : NULL;
	while (f != NULL && getdelim(&argument, &size, '\0', f) > 0) {
		if (is_value)
			name_take(vm, argument);
		is_value = strcmp(argument, "-name") == 0 || strcmp(argument, "--name") == 0;
		vm->is_libvirt = vm->is_libvirt || strstr(argument, "/libvirt/qemu/") != NULL;
	}
	free(argument);
	if (f != NULL)
		fclose(f);
	return vm->name[0] != '\0';
}
