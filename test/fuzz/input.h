/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An input of a fuzz target, read as a script byte by byte; behind its end there are zeros.
 *
 * Threads: the input belongs to its caller.
 */
#ifndef BF_FUZZ_INPUT_H
#define BF_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			(void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t
input_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

#endif
