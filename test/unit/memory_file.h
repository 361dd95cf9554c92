/* SPDX-License-Identifier: BSD-3-Clause */

/* A memory file as a front end hands it over. */
#ifndef BF_TEST_MEMORY_FILE_H
#define BF_TEST_MEMORY_FILE_H

#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"
#include "vhost/session.h"

#define MEMORY_PAGE 4096

static inline struct bf_vhost_fd
memory_file(uint64_t size)
{
	struct bf_vhost_fd f = {.fd = memfd_create("test", MFD_CLOEXEC),
		.kind = BF_VHOST_FD_MEMORY,
		.size = size,
		.page = MEMORY_PAGE};

	assert_true(f.fd >= 0);
	assert_int_equal(ftruncate(f.fd, (off_t)size), 0);
	return f;
}

#endif
