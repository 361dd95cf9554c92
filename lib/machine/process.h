/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which virtual machine a process runs, as its own command line says.
 *
 * Threads: any.
 */
#ifndef BF_MACHINE_PROCESS_H
#define BF_MACHINE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct bf_process_vm {
	char name[128]; /* QEMU's -name; "" it has none, or the process is no QEMU's */
	bool is_libvirt; /* libvirt has started it: the name is its domain's */
};

/**
 * Read /proc/PID/cmdline.
 *
 * Its text is the process's own claim, without control bytes here.
 *
 * @param root
 *   As in sysfs.h.
 * @return
 *   Whether it has a name.
 */
bool bf_process_find_vm(const char *root, pid_t pid, struct bf_process_vm *vm);

#endif
