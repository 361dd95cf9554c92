/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Replay of fuzz inputs from files.
 *
 * Threads: one.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
replay(const char *path)
{
	static uint8_t buf[1 << 16];
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	exact = malloc(n > 0 ? n : 1);
	if (exact == NULL)
		return 1;
	memcpy(exact, buf, n);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

int
replay_files(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%d inputs replayed\n", argc - 1);
	return failed;
}
